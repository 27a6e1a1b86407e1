import { Iccid } from "@iot-esim/shared/ids/iccid";
import { Hours, Minutes } from "@iot-esim/shared/util/duration";
import { BOOTSTRAP_ICCID, OTHER_ICCID, RoomsBench } from "./ipa-rooms-bench.ts";
import { type Killed, killAt } from "./ipa-rooms-power-cut.ts";

/** A device whose bootstrap profile has the fallback attribute and whose own profile is another one. */
export async function onOtherProfile(bench: RoomsBench): Promise<void> {
	await bench.order({ type: "setFallbackAttribute", parameters: { iccid: Iccid(BOOTSTRAP_ICCID) } });
	await bench.orderDownload(OTHER_ICCID);
	const enable = await bench.orderEnable(OTHER_ICCID, false);
	const ipa = await bench.restart();
	for (let round = 0; round < 4 && (await bench.eim.state(enable)) !== "succeeded"; round++) await bench.round(ipa);
	await ipa.close();
}

/** Agent and card, or the agent alone, killed at the n-th effect of the round that falls back. */
export async function fallbackWithPowerCut(moment: number, killed: Killed) {
	const fallback = {
		isEnabled: true,
		after: Minutes(30),
		attempts: 1,
		returnAfter: Hours(2000),
		returnAtMost: Hours(2000),
	};
	const bench = await RoomsBench.start({ settings: { fallback } });
	try {
		await onOtherProfile(bench);
		bench.isAttached = async () => (await bench.enabledIccid()) === BOOTSTRAP_ICCID;
		await bench.round(await bench.restart());
		await bench.eim.clock.advance(Minutes(30));
		const { hit, ipa } = await killAt(bench, moment, killed);
		for (let round = 0; round < 4; round++) await bench.round(ipa);
		const { state } = await bench.journal();
		return {
			hit,
			enabled: await bench.enabledIccid(),
			fallback: state.fallback.state,
			wasTold: bench.log().includes('"stateChangeCause":1'),
			log: bench.log(),
		};
	} finally {
		await bench.close();
	}
}
