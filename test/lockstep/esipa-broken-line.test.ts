/** The line to the SM-DP+ breaks in the middle of a download, or the device puts it off: when it is given the trigger again. */

import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { hex, utf8 } from "@iot-esim/shared/util/bytes";
import { Days, Minutes, Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { esipaBench, packageIn, poll, result, testPki } from "../support/esipa-bench.ts";
import { certificates, NO_PACKAGE, takeDataRequest } from "../support/esipa-octets.ts";
import {
	authenticate,
	euiccChallenge,
	initiate,
	initiateError,
	installation,
	notify,
	prepared,
	refused,
	smdp,
	startDownload,
	takeTrigger,
	unreachable,
} from "../support/relayed-download.ts";

const { eid } = testPki();
const iccid = Iccid("8900101000000000018");
const AUTHENTICATION_FAILED = tlv(0xbf3b, hex`82 01 7F`);
const PACKAGE_FAILED = tlv(0xbf3a, hex`81 01 7F`);
/** BF54: the device has no profile. */
const ended = (eimTransactionId: Uint8Array, words = "") =>
	result(
		eid,
		tlv(
			0xbf54,
			tlv(0x82, eimTransactionId),
			tlv(0x30, hex`80 01 7F`, ...(words === "" ? [] : [tlv(0x04, utf8(words))])),
		),
	);

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

async function start(given = smdp()) {
	const started = await startDownload(given, {}, { bench: { settings: { offers: 3 } }, lifetime: Days(1) });
	bench = started.bench;
	return started;
}
const operation = (id: string) => bench.store.loadOperation(id);
const named = (calls: readonly { name: string }[], name: string) => calls.filter((call) => call.name === name).length;

/** Breaks so many calls of a function; `after` are the answers to those that come then. */
function breaking(name: "authenticateClient" | "getBoundProfilePackage", times: number, after?: unknown) {
	const given = smdp();
	const call = given.es9plus[name].bind(given.es9plus) as (...request: unknown[]) => Promise<unknown>;
	let left = times;
	Object.assign(given.es9plus, {
		[name]: async (...request: unknown[]) => {
			const answer = await call(...request);
			if (left-- > 0) throw unreachable;
			return after ?? answer;
		},
	});
	return given;
}

describe("a line to the SM-DP+ that breaks once", () => {
	it.each(["authenticateClient", "getBoundProfilePackage"] as const)(
		"in %s is bridged within the session",
		async (name) => {
			const { id, eimTransactionId, calls } = await start(breaking(name, 1));
			await bench.ask(initiate(eimTransactionId));
			expect(await bench.ask(authenticate())).not.toEqual(AUTHENTICATION_FAILED);
			expect(await bench.ask(prepared())).not.toEqual(PACKAGE_FAILED);
			expect(named(calls, name)).toBe(2);
			await bench.send(notify(installation()));
			expect(await bench.state(id)).toBe("succeeded");
		},
	);

	it("is no refusal when the SM-DP+ has taken the first request and knows the session no more", async () => {
		const gone = refused("8.10.1", "3.9", 10);
		const { id, eimTransactionId } = await start(breaking("authenticateClient", 1, gone));
		await bench.ask(initiate(eimTransactionId));
		expect(await bench.ask(authenticate())).toEqual(AUTHENTICATION_FAILED);
		expect(await bench.state(id)).toBe("sent");
		await bench.ask(ended(eimTransactionId));
		expect(await operation(id)).toMatchObject({ state: "queued", reason: { code: "ES9PLUS_UNREACHABLE" } });
	});
});

describe("a line to the SM-DP+ that stays broken", () => {
	it("in mid-session brings the download back later, and holds up nothing else", async () => {
		const given = breaking("getBoundProfilePackage", 2);
		const { id, eimTransactionId } = await start(given);
		await bench.ask(initiate(eimTransactionId));
		await bench.ask(authenticate());
		expect(await bench.ask(prepared())).toEqual(PACKAGE_FAILED);
		await bench.ask(ended(eimTransactionId));
		const reason = { code: "ES9PLUS_UNREACHABLE", text: expect.stringContaining("(2 of 3)") };
		expect(await operation(id)).toMatchObject({ state: "queued", reason, heldUntil: bench.clock.now() + Minutes(1) });
		const other = await bench.order(eid, { type: "enable", parameters: { iccid, rollback: false } });
		expect(packageIn(await bench.ask(poll(eid)))).toHaveProperty("euiccPackageRequest");
		await bench.store.moveOperation(other, { kind: "succeeded", at: bench.clock.now() });
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
		await bench.clock.advance(Minutes(1));
		expect((await takeTrigger(bench)).eimTransactionId).not.toEqual(eimTransactionId);
		expect((await operation(id))?.heldUntil).toBeUndefined();
		const told = (await bench.store.listEvents({ after: 0, limit: 99, types: ["operationQueued"] })).filter(
			({ operationId }) => operationId === id,
		);
		expect(told.at(-1)?.facts).toMatchObject({ code: "ES9PLUS_UNREACHABLE" });
	});

	it("brings it back three times in all, ever later", async () => {
		const { id, eimTransactionId } = await start(smdp({ initiateAuthentication: unreachable }));
		let of = eimTransactionId;
		for (const pause of [Minutes(1), Minutes(2)]) {
			expect(await bench.ask(initiate(of))).toEqual(initiateError(127));
			await bench.ask(ended(of));
			await bench.clock.advance(pause - Seconds(1));
			expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
			await bench.clock.advance(Seconds(1));
			of = (await takeTrigger(bench)).eimTransactionId as Uint8Array;
		}
		await bench.ask(initiate(of));
		await bench.ask(ended(of));
		expect(await operation(id)).toMatchObject({ state: "failed", reason: { code: "ES9PLUS_UNREACHABLE" } });
	});

	it("brings nothing back once the device may have the whole package", async () => {
		const { id, eimTransactionId } = await start();
		await bench.ask(initiate(eimTransactionId));
		await bench.ask(authenticate());
		await bench.ask(prepared());
		await bench.ask(ended(eimTransactionId));
		expect(await bench.state(id)).toBe("failed");
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
		await bench.send(notify(installation()));
		expect(await bench.state(id)).toBe("succeeded");
	});
});

describe("a device that answers a trigger itself", () => {
	/** The device has put the download off so often; its latest trigger. */
	const putOff = async (eimTransactionId: Uint8Array, times: number) => {
		let of = eimTransactionId;
		for (let time = 0; time < times; time++) {
			await bench.ask(ended(of, "IPA_DOWNLOAD_POSTPONED: the link is paid by volume"));
			await bench.clock.advance(Minutes(15));
			of = (await takeTrigger(bench)).eimTransactionId as Uint8Array;
		}
		return of;
	};

	it("may put a download off again and again: no attempt that fails later counts for it", async () => {
		const { id, eimTransactionId } = await start(smdp({ initiateAuthentication: unreachable }));
		const of = await putOff(eimTransactionId, 3);
		await bench.ask(initiate(of));
		await bench.ask(ended(of));
		const reason = { code: "ES9PLUS_UNREACHABLE", text: expect.stringContaining("(2 of 3)") };
		expect(await operation(id)).toMatchObject({ state: "queued", reason, heldUntil: bench.clock.now() + Minutes(1) });
	});

	it("is asked for what the download needs however often it has put the download off", async () => {
		const { id, eimTransactionId } = await start(smdp());
		const bare = (of: Uint8Array) => tlv(0xbf39, tlv(0x81, euiccChallenge), tlv(0x82, of));
		const of = await putOff(eimTransactionId, 3);
		expect(await bench.ask(bare(of))).toEqual(initiateError(127));
		expect(await operation(id)).toMatchObject({ state: "queued" });
		expect(packageIn(await bench.ask(poll(eid)))).toHaveProperty("ipaEuiccDataRequest");
	});

	it("downloads again after a loss of power however often it has put the download off", async () => {
		const { id, eimTransactionId } = await start();
		const of = await putOff(eimTransactionId, 10);
		await bench.ask(initiate(of));
		await bench.ask(authenticate());
		await bench.ask(prepared());
		await bench.send(notify(installation({ errorResult: { bppCommandId: 5, errorReason: 11 } })));
		expect(await operation(id)).toMatchObject({ state: "queued", outcome: { interruptions: 1 } });
	});

	it("that lost its power once is not taken to have lost it again when its eUICC's word of that is replayed", async () => {
		const { id, eimTransactionId } = await start();
		await bench.ask(initiate(eimTransactionId));
		await bench.ask(authenticate());
		await bench.ask(prepared());
		const interrupted = installation({ errorResult: { bppCommandId: 5, errorReason: 11 } });
		await bench.send(notify(interrupted));
		const second = (await takeTrigger(bench)).eimTransactionId;
		await bench.send(notify(interrupted));
		await bench.ask(result(eid, tlv(0xbf54, tlv(0x82, eimTransactionId), interrupted)));
		await bench.ask(result(eid, tlv(0xbf54, interrupted)));
		expect(await operation(id)).toMatchObject({ state: "sent", outcome: { interruptions: 1 } });
		expect((await takeTrigger(bench)).eimTransactionId).toEqual(second);
	});

	it("with a download put off gets it again later, and what else waits now", async () => {
		const { id, eimTransactionId } = await start();
		const other = await bench.order(eid, { type: "enable", parameters: { iccid, rollback: false } });
		await bench.ask(ended(eimTransactionId, "IPA_DOWNLOAD_POSTPONED: the link is paid by volume"));
		expect(await operation(id)).toMatchObject({ state: "queued", heldUntil: bench.clock.now() + Minutes(15) });
		expect(packageIn(await bench.ask(poll(eid)))).toHaveProperty("euiccPackageRequest");
		await bench.store.moveOperation(other, { kind: "succeeded", at: bench.clock.now() });
		await bench.clock.advance(Minutes(15));
		expect((await takeTrigger(bench)).eimTransactionId).not.toEqual(eimTransactionId);
		expect(await bench.ask(initiate(eimTransactionId))).not.toEqual(initiateError(52));
	});

	it.each([
		["ES9+.AuthenticateClient was refused: the order is over (8.2.6/3.8)", "8.2.6/3.8"],
		[
			"ES9+.GetBoundProfilePackage was refused: invalidTransactionId (95)",
			"getBoundProfilePackage: invalidTransactionId(95)",
		],
		["no room", "profileDownloadError: undefinedError(127)"],
	])("shows the code of the SM-DP+ where it names one: %s", async (words, code) => {
		const { id, eimTransactionId } = await start();
		await bench.ask(ended(eimTransactionId, words));
		expect(await operation(id)).toMatchObject({ reason: { code, text: expect.stringContaining(words) } });
	});
});

describe("what nobody has signed", () => {
	const downloadError = (of: Uint8Array) => ended(of);

	it.each([
		["profileDownloadError", downloadError],
		["eimPackageResultResponseError", () => result(eid, hex`A0 03 02 01 01`)],
	])("ends no download: the device is given it once more, and its session counts: %s", async (_, forged) => {
		const { id, eimTransactionId } = await start();
		await bench.ask(forged(eimTransactionId));
		expect(await bench.state(id)).toBe("queued");
		const again = (await takeTrigger(bench)).eimTransactionId as Uint8Array;
		expect(again).not.toEqual(eimTransactionId);
		// Of the trigger before: nothing follows from it now.
		await bench.ask(downloadError(eimTransactionId));
		expect(await bench.state(id)).toBe("sent");
		await bench.ask(initiate(again));
		await bench.ask(authenticate());
		await bench.ask(prepared());
		await bench.send(notify(installation()));
		expect(await operation(id)).toMatchObject({ state: "succeeded", outcome: { iccid } });
	});

	it("ends it the second time, by the first reason; both stand in the outcome", async () => {
		const { id, eimTransactionId } = await start();
		await bench.ask(ended(eimTransactionId, "no room"));
		await bench.ask(ended((await takeTrigger(bench)).eimTransactionId as Uint8Array, "the order is over"));
		expect(await operation(id)).toMatchObject({
			state: "failed",
			reason: { text: expect.stringContaining("no room") },
			outcome: {
				failures: [
					{ text: expect.stringContaining("no room") },
					{ text: expect.stringContaining("the order is over") },
				],
			},
		});
	});

	it("refuses nothing for the SM-DP+ either: a first word of the device that is not known ends no order", async () => {
		const { id, eimTransactionId } = await start(smdp({ initiateAuthentication: refused("8.8.2", "3.1", 3) }));
		await bench.ask(initiate(eimTransactionId));
		expect(await operation(id)).toMatchObject({ state: "queued", reason: { code: "8.8.2/3.1" } });
		await bench.ask(initiate((await takeTrigger(bench)).eimTransactionId as Uint8Array));
		expect(await operation(id)).toMatchObject({ state: "failed", reason: { code: "8.8.2/3.1" } });
	});

	it("ends a download of a device that has taken part in it, which has nothing to gain from another trigger", async () => {
		const { id, eimTransactionId } = await start();
		await bench.ask(initiate(eimTransactionId));
		await bench.ask(authenticate());
		await bench.ask(ended(eimTransactionId));
		expect(await bench.state(id)).toBe("failed");
	});

	it("ends no question: it is asked once more", async () => {
		bench = await esipaBench({ settings: { offers: 3 } });
		await bench.register(eid);
		const id = await bench.order(eid, { type: "readEuiccData", parameters: {} });
		const refuse = (of: Uint8Array) => result(eid, tlv(0xbf52, tlv(0xa1, tlv(0x80, of), hex`02017F`)));
		const first = await takeDataRequest(bench);
		await bench.ask(refuse(first));
		const second = await takeDataRequest(bench);
		await bench.ask(refuse(first));
		expect(await bench.state(id)).toBe("sent");
		await bench.ask(result(eid, certificates(second)));
		expect(await bench.state(id)).toBe("succeeded");
	});
});
