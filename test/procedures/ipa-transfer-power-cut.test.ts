/**
 * A package that is brought (ESipa.TransferEimPackage), with agent and card losing their power at a moment: brought again,
 * it is answered by the result of its one execution.
 */

import { readTlvs, readWholeTlv, tlvBytes } from "@iot-esim/shared/asn1/tlv-reader";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { toHex } from "@iot-esim/shared/util/bytes";
import { expect, it } from "vitest";
import { poll, result } from "../support/esipa-bench.ts";
import { RoomsBench } from "./ipa-rooms-bench.ts";

const anyEim = () => true;

/** A device whose association token the eIM knows, and an open command in a BF4E. */
async function openCommand(bench: RoomsBench) {
	const first = await bench.order({ type: "setDefaultDpAddress", parameters: { smdpAddress: "first.example" } });
	const ipa = await bench.restart();
	await bench.round(ipa);
	await bench.round(ipa);
	expect(await bench.eim.state(first)).toBe("succeeded");
	const id = await bench.order({ type: "setDefaultDpAddress", parameters: { smdpAddress: "second.example" } });
	const answer = await bench.eim.ask(poll(bench.eid));
	const whole = readWholeTlv(answer);
	return { ipa, id, message: tlv(0xbf4e, answer.subarray(whole.valueStart, whole.end)) };
}

function cutMissed(): never {
	throw new Error("the agent has answered before the power was cut");
}

/** At the start of an agent the card answers three commands; the fourth is LoadEuiccPackage, the fifth asks for notifications. */
const MOMENTS = [
	["before card e2", 4],
	["after card e2", 4],
	["after card c0", 4],
	["before card e2", 5],
	["after card e2", 5],
] as const;

it.each(MOMENTS)("power cut %s, number %i", async (moment, nth) => {
	const bench = await RoomsBench.start();
	try {
		const { id, message } = await openCommand(bench);
		let left: number = nth;
		let cut: () => void = () => undefined;
		const isCut = new Promise<void>((resolve) => {
			cut = resolve;
		});
		bench.interruption = (effect, when) => {
			if (`${when} ${effect}` !== moment || --left > 0) return undefined;
			cut();
			return new Promise(() => undefined);
		};
		const doomed = await bench.restart();
		// What the agent would answer after the cut never comes.
		await bench.inTime(Promise.race([doomed.transferEimPackage(message, anyEim).then(() => cutMissed()), isCut]));
		bench.interruption = () => undefined;
		const ipa = await bench.restart();
		const answer = await bench.inTime(ipa.transferEimPackage(message, anyEim));
		const member = readTlvs(answer, readWholeTlv(answer).valueStart)[0];
		if (member === undefined) throw new Error(`answered ${toHex(answer)}`);
		if ((await bench.eim.state(id)) === "sent") await bench.eim.ask(result(bench.eid, tlvBytes(answer, member)));
		expect(await bench.eim.state(id)).toBe("succeeded");
		expect((await bench.eim.store.loadDevice(bench.eid))?.defaultSmdpAddress).toBe("second.example");
		await bench.round(ipa);
		expect(await bench.leftOnCard()).toBe(0);
	} finally {
		await bench.close();
	}
});
