import { BOOTSTRAP_ICCID, OTHER_ICCID, RoomsBench } from "./ipa-rooms-bench.ts";

/** How a device came out of one power cut. */
export interface Outcome {
	/** Where the power was cut, as "after card e2"; empty when the flow has fewer moments. */
	readonly hit: string;
	readonly download: string | undefined;
	readonly enable: string | undefined;
	readonly iccids: readonly string[];
	readonly enabled: string | undefined;
	readonly leftOnCard: number;
	readonly orderState: string | undefined;
	readonly rounds: number;
	readonly log: string;
}

/** What the device, the eIM and the SM-DP+ must agree on in the end, wherever the power was cut. */
const AGREED = {
	download: "succeeded",
	enable: "succeeded",
	iccids: [BOOTSTRAP_ICCID, OTHER_ICCID],
	enabled: OTHER_ICCID,
	leftOnCard: 0,
	orderState: "installed",
};

/** A package that was half loaded when the power went, and whose loss the eIM takes as the end of the operation. */
const INTERRUPTED = {
	download: "failed",
	enable: "failed",
	iccids: [BOOTSTRAP_ICCID],
	enabled: BOOTSTRAP_ICCID,
	leftOnCard: 0,
	orderState: "released",
};

/** What all must agree on after this outcome. */
export function agreedAfter(outcome: Outcome): object {
	const wasInterrupted = outcome.log.includes("installFailedDueToInterruption");
	return wasInterrupted && outcome.download === "failed" ? INTERRUPTED : AGREED;
}

/**
 * Download and switch with rollback granted, with the power of agent and card cut at the n-th moment: before or after
 * an APDU or an exchange with the eIM.
 */
export async function flowWithPowerCut(moment: number): Promise<Outcome> {
	const bench = await RoomsBench.start();
	try {
		const download = await bench.orderDownload(OTHER_ICCID);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		let moments = 0;
		let hit = "";
		let onHit: () => void = () => undefined;
		const wasHit = new Promise<void>((resolve) => {
			onHit = resolve;
		});
		bench.interruption = (effect, when) => {
			if (moments++ !== moment) return undefined;
			hit = `${when} ${effect}`;
			onHit();
			return new Promise(() => undefined);
		};
		const dying = await bench.restart();
		await bench.inTime(Promise.race([wasHit, dying.pollOnce()]));
		bench.interruption = () => undefined;
		let rounds = 0;
		const ipa = await bench.restart();
		while (rounds < 6 && (await bench.eim.state(enable)) !== "succeeded") {
			await bench.round(ipa);
			rounds++;
		}
		await bench.round(ipa);
		return {
			hit,
			download: await bench.eim.state(download),
			enable: await bench.eim.state(enable),
			iccids: await bench.iccids(),
			enabled: await bench.enabledIccid(),
			leftOnCard: await bench.leftOnCard(),
			orderState: bench.smdp.profiles().find((one) => one.iccid === OTHER_ICCID)?.state,
			rounds,
			log: bench.log(),
		};
	} finally {
		await bench.close();
	}
}
