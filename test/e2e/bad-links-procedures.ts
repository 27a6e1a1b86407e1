import { Iccid } from "@iot-esim/shared/ids/iccid";
import { BOOTSTRAP_ICCID, OTHER_ICCID } from "../procedures/ipa-rooms-bench.ts";
import type { BadLinkScene, Outcome } from "./bad-links-scene.ts";

/** What a device does in its life, in the order in which it is tried on a link. */
export const PROCEDURES = ["idle poll", "eUICC data", "download of 30 KB", "profile switch", "deletion"] as const;
export type Procedure = (typeof PROCEDURES)[number];

/** Of the unprotected profile package. */
export const PROFILE_OCTETS = 30_000;

const STEPS: Readonly<Record<Procedure, (scene: BadLinkScene) => Promise<Outcome>>> = {
	"idle poll": (scene) => scene.poll(),
	"eUICC data": (scene) => scene.perform({ type: "readEuiccData", parameters: {} }),
	"download of 30 KB": (scene) => scene.download(OTHER_ICCID, PROFILE_OCTETS),
	"profile switch": (scene) => scene.perform(switchTo(OTHER_ICCID)),
	deletion: (scene) => scene.perform({ type: "delete", parameters: { iccid: Iccid(BOOTSTRAP_ICCID) } }),
};

/** The order to enable a profile, with the way back open. */
export const switchTo = (iccid: string) =>
	({ type: "enable", parameters: { iccid: Iccid(iccid), rollback: true } }) as const;

/** One procedure after the other; what each came to. */
export async function performAll(scene: BadLinkScene): Promise<Record<Procedure, Outcome>> {
	const outcomes: Partial<Record<Procedure, Outcome>> = {};
	for (const procedure of PROCEDURES) outcomes[procedure] = await STEPS[procedure](scene);
	return outcomes as Record<Procedure, Outcome>;
}
