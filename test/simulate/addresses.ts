import { EimId } from "@iot-esim/shared/ids/eim-id";

/** When every run begins. */
export const START = Date.UTC(2026, 0, 1);

export const EIM_ID = EimId("eim.example.com");
export const SMDP_ADDRESS = "smdp.example.com";
export const SMDS_ADDRESS = "smds.example.com";

/** A network that is nowhere in some runs. */
export const DEAD_PLMN = "00103";
