/** Whatever is posted to the JSON binding ends in an answer or in an error of the client, never in one of the eIM. */

import { refusalByCodes } from "@iot-esim/eim/es9plus/error-table";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import {
	ESIPA_FUNCTION_NAMES,
	esipaFunctionOf,
	esipaRequestToJson,
} from "@iot-esim/shared/messages/sgp32/json/esipa-json";
import { ESIPA_STATUS_CODES } from "@iot-esim/shared/messages/sgp32/json/status-codes";
import { hex, utf8 } from "@iot-esim/shared/util/bytes";
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { esipaBench, poll, result, testPki } from "../support/esipa-bench.ts";
import { authenticate, initiate, installation, notify, prepared, startDownload } from "../support/relayed-download.ts";

const { eid } = testPki();

let close: (() => Promise<void>) | undefined;
afterEach(() => close?.());

type Bench = Awaited<ReturnType<typeof esipaBench>>;

async function complaintAbout(bench: Bench, called: string, body: Uint8Array): Promise<string | undefined> {
	const { status, body: answered } = await bench.face({
		method: "POST",
		path: `/gsma/rsp2/esipa/${called}`,
		headers: { "content-type": "application/json" },
		body,
		remoteAddress: "192.0.2.1",
		signal: new AbortController().signal,
	});
	const text = answered === undefined ? "" : Buffer.from(answered as Uint8Array).toString("utf8");
	const shown = () => `${called} ${new TextDecoder().decode(body).slice(0, 300)}: ${status} ${text.slice(0, 200)}`;
	if (![200, 204, 400, 403].includes(status)) return shown();
	if (status === 200 && typeof JSON.parse(text).header?.functionExecutionStatus?.status !== "string") return shown();
	return undefined;
}

/** A JSON object with each member taken away, replaced, and its text cut and changed. */
function* changed(json: Readonly<Record<string, unknown>>): Generator<unknown> {
	yield json;
	for (const [name, value] of Object.entries(json)) {
		const { [name]: _gone, ...others } = json;
		yield others;
		for (const other of [null, 7, -1, true, "", "§", [], {}, "A".repeat(5000), [value]])
			yield { ...json, [name]: other };
		if (typeof value !== "string") continue;
		for (let at = 0; at < value.length; at += Math.max(1, Math.floor(value.length / 8))) {
			yield { ...json, [name]: value.slice(0, at) };
			yield { ...json, [name]: `${value.slice(0, at)}${value[at] === "A" ? "B" : "A"}${value.slice(at + 1)}` };
		}
	}
}

it("real requests of every function with members missing, of other types, cut and changed", async () => {
	const { bench, eimTransactionId } = await startDownload();
	close = bench.close;
	const messages = [
		poll(eid, hex`80 00 81 01 03 82 03 62F210`),
		initiate(eimTransactionId),
		authenticate(),
		prepared(),
		hex`BF41 0A 80 02 0102 A1 04 81 02 0105`,
		notify(installation()),
		result(eid, hex`A0 03 02 01 01`),
		tlv(0xbf3d, tlv(0xbf50, tlv(0x5a, Eid.toBytes(eid)), hex`BF5103A20180`)),
	];
	const wrong: string[] = [];
	for (const message of messages) {
		const called = esipaFunctionOf(message);
		if (called === undefined) throw new Error("no function");
		for (const json of changed(esipaRequestToJson(called, message))) {
			const complaint = await complaintAbout(bench, called, utf8(JSON.stringify(json)));
			if (complaint !== undefined) wrong.push(complaint);
		}
	}
	expect(wrong).toEqual([]);
});

it("any JSON, and any octets", async () => {
	const bench = await esipaBench();
	close = bench.close;
	const called = fc.constantFrom(...ESIPA_FUNCTION_NAMES.filter((name) => name !== "transferEimPackage"));
	const bodies = fc.oneof(
		fc.jsonValue().map((value) => utf8(JSON.stringify(value))),
		fc.uint8Array({ maxLength: 64 }),
	);
	await fc.assert(
		fc.asyncProperty(called, bodies, async (name, body) => {
			expect(await complaintAbout(bench, name, body)).toBeUndefined();
		}),
		{ numRuns: 150 },
	);
});

it("what an SM-DP+ says has the same error in ES9+ as in the status codes of ESipa", () => {
	for (const called of [
		"initiateAuthentication",
		"authenticateClient",
		"getBoundProfilePackage",
		"cancelSession",
	] as const) {
		for (const [subjectCode, reasonCode, errorCode] of ESIPA_STATUS_CODES[called]) {
			const { esipaError: relayed } = refusalByCodes(called, subjectCode, reasonCode);
			// Some pairs are the eIM's own, and no server says them.
			if (relayed !== 127) expect([subjectCode, reasonCode, relayed]).toEqual([subjectCode, reasonCode, errorCode]);
		}
	}
	expect(refusalByCodes("authenticateClient", "8.2.6", "3.8").esipaError).toBe(6);
});
