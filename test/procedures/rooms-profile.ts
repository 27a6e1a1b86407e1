import { profileFromFile } from "@iot-esim/sim/smdp/orders/import-profile";

export const SMDP_ADDRESS = "smdp.example.com";
export const SMDS_ADDRESS = "smds.example.com";
export const BOOTSTRAP_ICCID = "8900101000000000018";
export const OTHER_ICCID = "8900101000000000026";
export const BOOTSTRAP_PLMN = "00101";
export const OTHER_PLMN = "00102";

function profileYaml(iccid: string, extra: string): Uint8Array {
	return new TextEncoder().encode(`
iccid: "${iccid}"
imsi: "${iccid === OTHER_ICCID ? OTHER_PLMN : BOOTSTRAP_PLMN}00000000${iccid.slice(-2)}"
ki: "000102030405060708090A0B0C0D0E0F"
opc: "101112131415161718191A1B1C1D1E1F"
spn: "Test"
profileName: "Profile ${iccid.slice(-2)}"
${extra}`);
}

/** A profile as the SM-DP+ takes it, and as the card leaves the factory with. */
export function profile(iccid: string, extra = "") {
	const contents = profileYaml(iccid, extra);
	return profileFromFile({ fileName: "p.yaml", contents, smdpAddress: SMDP_ADDRESS, profileType: "iot" });
}
