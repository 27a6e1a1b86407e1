import { encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { hex } from "@iot-esim/shared/util/bytes";
import { EsimError } from "@iot-esim/shared/util/errors";
import { afterEach, expect, it } from "vitest";
import { acknowledgedIn, esipaBench, poll, result, SigningCard, testPki } from "../support/esipa-bench.ts";
import { authenticate, initiate, installation, notify, prepared, startDownload } from "../support/relayed-download.ts";

const { eid } = testPki();
const iccid = Iccid("89490200001234567890");

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

/** At most this many changes of each message, spread over it. */
const CHANGES = 160;

/** Prefixes of a message, and the message with single bits turned. */
function* damaged(message: Uint8Array): Generator<Uint8Array> {
	const step = Math.max(1, Math.floor(message.length / CHANGES));
	for (let length = 0; length < message.length; length += step) yield message.subarray(0, length);
	for (let at = 0; at < message.length; at += step) {
		const changed = message.slice();
		changed[at] = (changed[at] as number) ^ (1 << (at % 8));
		yield changed;
	}
}

/** What the handler did with a message: an answer, or an error that a client may be told of. */
async function outcome(message: Uint8Array): Promise<string | undefined> {
	try {
		await bench.send(message);
		return undefined;
	} catch (error) {
		if (error instanceof EsimError && error.httpStatus < 500) return undefined;
		return `${String(error)} for ${Buffer.from(message).toString("hex").slice(0, 200)}`;
	}
}

it("a damaged message ends in an answer or in an error of the client, never in one of the eIM", async () => {
	const started = await startDownload();
	bench = started.bench;
	const unregistered = hex`BF4F 12 5A 10 89049032000000000000000000000261`;
	const { euicc, eum } = testPki();
	const data = encode(IpaEuiccDataResponse, {
		ipaEuiccData: { euiccCertificate: euicc.certificate, eumCertificate: eum.certificate, associationToken: 3 },
	});
	const messages = [
		poll(eid, hex`80 00 81 01 03 82 03 62F210`),
		unregistered,
		initiate(started.eimTransactionId),
		authenticate(),
		prepared(),
		hex`BF41 0F 80 02 0102 A1 09 81 01 05`,
		notify(installation()),
		result(eid, hex`A0 03 02 01 01`),
		result(eid, data),
		result(eid, hex`BF54 09 82 02 0102 30 03 80 01 7F`),
	];
	const wrong: string[] = [];
	for (const message of messages) {
		for (const changed of damaged(message)) {
			const complaint = await outcome(changed);
			if (complaint !== undefined) wrong.push(complaint);
		}
	}
	expect(wrong).toEqual([]);
});

it("no change of a signed result is taken for a result", async () => {
	bench = await esipaBench();
	await bench.register(eid, bench.known);
	const id = await bench.order(eid, { type: "enable", parameters: { iccid, rollback: false } });
	const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
	const message = result(eid, executed);
	// Around what is signed nothing proves anything: without its EID (version 1.0) the result is known by its transaction.
	for (let at = message.length - executed.length; at < message.length; at++) {
		for (const bit of [0x01, 0x80]) {
			const changed = message.slice();
			changed[at] = (changed[at] as number) ^ bit;
			expect(await outcome(changed)).toBeUndefined();
		}
	}
	expect(await bench.state(id)).toBe("sent");
	expect(await bench.store.listProfiles(eid)).toEqual([]);
	expect(acknowledgedIn(await bench.ask(message))).toEqual([1]);
	expect(await bench.state(id)).toBe("succeeded");
});

it("a message nested without end, or announced longer than it is, is refused at once", async () => {
	bench = await esipaBench();
	let deep = tlv(0xa0);
	for (let depth = 0; depth < 2_000; depth++) deep = tlv(0xa0, deep);
	for (const message of [tlv(0xbf50, deep), tlv(0xbf3d, deep), hex`BF4F 84 7FFFFFFF 5A`, hex`BF50 84 FFFFFFFF`]) {
		expect(await outcome(message)).toBeUndefined();
	}
});
