import { Seconds } from "@iot-esim/shared/util/duration";
import { benchSettings } from "./ipa-device-bench.ts";
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

/** What a kill -9 or a power cut takes down. */
export type Killed = "agent and card" | "agent";

/** What the device, the eIM and the SM-DP+ must agree on in the end, wherever the power was cut. */
export const AGREED = {
	download: "succeeded",
	enable: "succeeded",
	iccids: [BOOTSTRAP_ICCID, OTHER_ICCID],
	enabled: OTHER_ICCID,
	leftOnCard: 0,
	orderState: "installed",
};

/**
 * Download and switch with rollback granted, with agent and card (or the agent alone) killed at the n-th moment: before
 * or after an APDU or an exchange with the eIM, or with the SM-DP+ when the download is direct.
 */
export async function flowWithPowerCut(
	moment: number,
	killed: Killed = "agent and card",
	download?: "direct",
): Promise<Outcome> {
	const bench = await RoomsBench.start(download === "direct" ? { direct: "json" } : {});
	try {
		const order = await bench.orderDownload(OTHER_ICCID);
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		return await killedOnce(bench, { moment, killed, download: order, enable });
	} finally {
		await bench.close();
	}
}

/** The same for a switch to a profile without coverage: in the end the old profile is back, by one rollback. */
export async function rollbackWithPowerCut(moment: number, killed: Killed = "agent and card"): Promise<Outcome> {
	const procedures = { ...benchSettings.procedures, rollbackAfter: Seconds(20) };
	const bench = await RoomsBench.start({ settings: { procedures } });
	try {
		const download = await bench.orderDownload(OTHER_ICCID);
		await bench.round(await bench.restart());
		const enable = await bench.orderEnable(OTHER_ICCID, true);
		bench.isAttached = async () => (await bench.enabledIccid()) === BOOTSTRAP_ICCID;
		return await killedOnce(bench, { moment, killed, download, enable });
	} finally {
		await bench.close();
	}
}

interface Kill {
	readonly moment: number;
	readonly killed: Killed;
	readonly download: string;
	readonly enable: string;
}

/**
 * Agent and card, or the agent alone, killed at the n-th effect of a round.
 * @returns where that was, empty when the round has fewer effects, and the agent that comes after it
 */
export async function killAt(bench: RoomsBench, moment: number, killed: Killed) {
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
	return { hit, ipa: await bench.restart(killed) };
}

async function killedOnce(bench: RoomsBench, { moment, killed, download, enable }: Kill): Promise<Outcome> {
	const { hit, ipa } = await killAt(bench, moment, killed);
	let rounds = 0;
	while (rounds < 6 && !["succeeded", "rolled-back"].includes((await bench.eim.state(enable)) ?? "")) {
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
}
