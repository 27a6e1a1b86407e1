import { LAST_COUNTER, RESERVED_COUNTERS } from "@iot-esim/eim/domain/device";
import type { EuiccCommand } from "@iot-esim/eim/domain/euicc-command";
import { encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { signEuiccPackageResult } from "@iot-esim/shared/security/package-signature";
import { hex, utf8 } from "@iot-esim/shared/util/bytes";
import { Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { newSigner } from "../support/eims.ts";
import {
	acknowledgedIn,
	EIM_ID,
	esipaBench,
	packageIn,
	poll,
	result,
	SigningCard,
	testPki,
} from "../support/esipa-bench.ts";
import { EMPTY, NO_PACKAGE, NOT_TAKEN, takeDataRequest } from "../support/esipa-octets.ts";

const { eid } = testPki();
const one = Iccid("8900101000000000018");
const two = Iccid("8900101000000000026");
const remove = (iccid: Iccid): EuiccCommand => ({ type: "delete", parameters: { iccid } });
const enable: EuiccCommand = { type: "enable", parameters: { iccid: two, rollback: true } };
const leave: EuiccCommand = { type: "deleteEim", parameters: { eimId: EIM_ID } };

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

async function registered(given: Parameters<typeof esipaBench>[0] = {}, facts: object = {}) {
	bench = await esipaBench(given);
	await bench.register(eid, { ...bench.known, ...facts });
	return new SigningCard(bench.pki);
}

const order = (...commands: EuiccCommand[]) => bench.order(eid, { type: "euiccPackage", parameters: { commands } });

describe("a package of several commands", () => {
	it("that was interrupted leaves the rest in doubt: the card is asked before anything else", async () => {
		const card = await registered();
		const id = await order(remove(one), enable);
		const next = await bench.order(eid, { type: "getRat", parameters: {} });
		const results = [{ deleteResult: 0 }, { processingTerminated: 3 }];
		const executed = card.execute(await bench.ask(poll(eid)), results);
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			outcome: { commands: [{ state: "succeeded" }, { state: "unknown" }] },
		});
		const profileInfoListOk = [{ iccid: Iccid.toBytes(two), profileState: 1, fallbackAttribute: false }];
		const list = card.execute(await bench.ask(poll(eid)), [{ listProfileInfoResult: { profileInfoListOk } }]);
		await bench.ask(result(eid, list));
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid: two, state: "enabled" }]);
		await bench.ask(result(eid, card.execute(await bench.ask(poll(eid)), [{ getRATResult: [] }])));
		expect(await bench.state(next)).toBe("succeeded");
	});

	it("that was rolled back after its success was reported is rolled back all the same, once", async () => {
		const card = await registered();
		const id = await order(remove(one), enable);
		const answer = await bench.ask(poll(eid));
		const results = [{ deleteResult: 0 }, { enableResult: 0 }];
		await bench.ask(result(eid, card.execute(answer, results)));
		expect(await bench.state(id)).toBe("succeeded");
		const back = card.execute(answer, [...results, { rollbackResult: 0 }]);
		for (const _ of [1, 2]) expect(acknowledgedIn(await bench.ask(result(eid, back)))).toEqual([2]);
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "rolled-back",
			outcome: { commands: [{ state: "succeeded" }, { state: "rolledBack" }] },
		});
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid: two, state: "disabled" }]);
		const own = await bench.store.listOperations({ eid, origin: "eim", limit: 10 });
		expect(own.items.map(({ type }) => type)).toEqual(["listProfiles"]);
	});

	it("meets an emergency call: the same octets again until it is over", async () => {
		const card = await registered();
		const id = await order(remove(one));
		const sent = await bench.ask(poll(eid));
		expect(await bench.ask(result(eid, card.refuse(sent, 104)))).toEqual(EMPTY);
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "sent",
			reason: { code: "euiccPackageError: ecallActive(104)" },
		});
		expect(await bench.ask(poll(eid))).toEqual(sent);
		await bench.ask(result(eid, card.execute(sent, [{ deleteResult: 0 }])));
		expect(await bench.state(id)).toBe("succeeded");
	});
});

describe("the removal of this eIM", () => {
	it("counts by the card's own signature alone, and then nothing is sent any more", async () => {
		const card = await registered();
		const id = await bench.order(eid, leave);
		const behind = await order(remove(one));
		const sent = await bench.ask(poll(eid));
		const { counterValue, eimTransactionId = hex`` } = card.open(sent);
		const data = { eimId: EIM_ID, counterValue, eimTransactionId, seqNumber: 1, euiccResult: [{ deleteEimResult: 2 }] };
		const { privateKey } = generateKeyPair("P-256");
		const forged = encode(EuiccPackageResult, signEuiccPackageResult({ data, associationToken: 0, privateKey }));
		expect(await bench.ask(result(eid, forged))).toEqual(NOT_TAKEN);
		expect((await bench.store.loadDevice(eid))?.releasedAt).toBeUndefined();

		const executed = card.execute(sent, [{ deleteEimResult: 2 }]);
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
		expect(await bench.store.loadOperation(behind)).toMatchObject({ reason: { code: "DEVICE_RELEASED" } });
		// The acknowledgement was lost: the card offers its result again, and may forget it.
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
	});
});

describe("a counter near its end", () => {
	it("is never raised into the values that are kept for commands on eIMs, and the operator is told what to do", async () => {
		const card = await registered({}, { counter: LAST_COUNTER - RESERVED_COUNTERS - 3 });
		const id = await order(remove(one));
		for (let round = 0; round < 2; round++) {
			const sent = await bench.ask(poll(eid));
			if (!("euiccPackageRequest" in packageIn(sent))) break;
			await bench.ask(result(eid, card.refuse(sent, 4)));
			const eimTransactionId = await takeDataRequest(bench);
			await bench.ask(result(eid, encode(IpaEuiccDataResponse, { ipaEuiccData: { eimTransactionId } })));
		}
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "failed",
			reason: {
				code: "euiccPackageError: replayError(4)",
				text: expect.stringContaining("have another eIM remove and add"),
			},
		});
		expect((await bench.store.loadDevice(eid))?.counter).toBeLessThanOrEqual(LAST_COUNTER - RESERVED_COUNTERS);
		// What the reserve is for still goes out.
		await bench.order(eid, { type: "listEims", parameters: {} });
		expect(card.open(await bench.ask(poll(eid))).counterValue).toBeGreaterThan(LAST_COUNTER - RESERVED_COUNTERS - 1);
	});
});

describe("a card that may know another key of the eIM", () => {
	const unsigned = tlv(0xbf51, tlv(0xa2, tlv(0x80, utf8(EIM_ID)), hex`84 01 07`));

	it("gets its package by the other key at once, but strangers cannot make the eIM sign without end", async () => {
		const newer = newSigner();
		bench = await esipaBench();
		const known = bench.deps.signer;
		await bench.close();
		await registered({ signer: newer, formerSigners: [known] }, { associationToken: 7 });
		const id = await order(remove(one));
		await bench.ask(poll(eid));
		await bench.ask(result(eid, unsigned));
		const card = new SigningCard(bench.pki, 7);
		const anew = await bench.ask(poll(eid));
		// `open` verifies by the key that the card knows.
		const { counterValue } = card.open(anew);
		for (let n = 0; n < 20; n++) {
			await bench.ask(result(eid, unsigned));
			await bench.ask(poll(eid));
		}
		expect((await bench.store.loadDevice(eid))?.counter).toBeLessThanOrEqual(counterValue + 2);
		await bench.clock.advance(Minutes(11));
		await bench.ask(result(eid, unsigned));
		const again = await bench.ask(poll(eid));
		expect(again).not.toEqual(anew);
		expect(await bench.state(id)).toBe("sent");
	});
});
