import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Eid } from "@iot-esim/shared/ids/eid";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { equalBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Hours, Minutes } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
import { acknowledgedIn, EIM_ID, esipaBench, poll, result, SigningCard, testPki } from "../support/esipa-bench.ts";
import { certificates, EMPTY, FIRST_COUNTER, NO_PACKAGE, takeDataRequest } from "../support/esipa-octets.ts";

const { eid } = testPki();
const iccid = Iccid("89490200001234567890");
const enable = { type: "enable", parameters: { iccid, rollback: true } } as const;
const disable = { type: "disable", parameters: { iccid } } as const;

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

describe("an EID that is not registered", () => {
	it("gets eidNotFound(2) and is remembered in a bounded list", async () => {
		bench = await esipaBench({ settings: { seenUnknownBound: 2 } });
		const eids = [1, 2, 3].map((n) => Eid.withCheckDigits(`89049032000000000000000000000${n}`));
		for (const unknown of eids) {
			expect(await bench.ask(poll(unknown))).toEqual(hex`BF4F 03 02 01 02`);
			await bench.clock.advance(1000);
		}
		const seen = await bench.store.listSeenUnknown();
		expect(seen.map((entry) => entry.eid).sort()).toEqual(eids.slice(1));
		expect(await bench.store.loadDevice(eids[0] as Eid)).toBeUndefined();
		expect(bench.entries.map(({ phrase }) => phrase)).toEqual(
			Array(3).fill(expect.stringContaining("register it (`eim device add EID`)")),
		);
	});

	it("registers itself only inside a configured range", async () => {
		bench = await esipaBench({ settings: { enrolment: [{ from: "89049032", to: "89049032" }] } });
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
		expect((await bench.store.loadDevice(eid))?.eid).toBe(eid);
		const other = Eid.withCheckDigits("890490330000000000000000000001");
		expect(await bench.ask(poll(other))).toEqual(hex`BF4F 03 02 01 02`);
	});

	it("gets invalidEid(3) when the check digits are wrong, missingEid(4) without an EID", async () => {
		bench = await esipaBench();
		const wrong = Eid.toBytes(eid).slice();
		wrong[15] = (wrong[15] as number) ^ 1;
		expect(await bench.ask(tlv(0xbf4f, tlv(0x5a, wrong)))).toEqual(hex`BF4F 03 02 01 03`);
		expect(await bench.ask(hex`BF4F 00`)).toEqual(hex`BF4F 03 02 01 04`);
		expect(await bench.ask(hex`BF4F 05 5A 03 112233`)).toEqual(hex`BF4F 03 02 01 03`);
	});

	it("is counted each time, and does not fill the log: a host has five lines a minute, which hide no other host's", async () => {
		bench = await esipaBench();
		const told = () => bench.entries.filter(({ level }) => level === "warn").map(({ facts }) => facts);
		for (let n = 0; n < 100; n++) {
			const eid = Eid.withCheckDigits(`8904903200000000000000${String(n).padStart(8, "0")}`);
			const remoteAddress = `2001:db8::${n.toString(16)}`;
			await bench.send(n % 2 === 0 ? poll(eid) : result(eid, hex`A0 03 02 01 01`), { remoteAddress });
			await bench.send(hex`BF4F 05 5A 03 112233`, { remoteAddress });
			await bench.send(hex`BF50 03 A0 01 00`, { remoteAddress });
		}
		expect(told()).toHaveLength(5);
		await bench.send(poll(eid), { remoteAddress: "192.0.2.1" });
		expect(told().at(-1)).toMatchObject({ eid, remoteAddress: "192.0.2.1", notTold: 295 });
		await bench.clock.advance(Minutes(1));
		await bench.send(result(eid, hex`A0 03 02 01 01`), { remoteAddress: "2001:db8::1" });
		expect(told().at(-1)).toMatchObject({ eid, remoteAddress: "2001:db8::1" });
		expect(bench.unregistered).toEqual([
			...Array(50).fill(["GetEimPackage", "ProvideEimPackageResult"]).flat(),
			"GetEimPackage",
			"ProvideEimPackageResult",
		]);
	});

	it("cannot deliver results either", async () => {
		bench = await esipaBench();
		expect(await bench.ask(result(eid, hex`A0 03 02 01 01`))).toEqual(hex`BF50 03 02 01 02`);
	});
});

describe("a package", () => {
	it("is sent again octet by octet, and no second poll burns a second counter", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const first = await bench.ask(poll(eid));
		const again = await Promise.all([bench.ask(poll(eid)), bench.ask(poll(eid))]);
		for (const answer of again) expect(equalBytes(answer, first)).toBe(true);
		expect((await bench.store.loadDevice(eid))?.counter).toBe(FIRST_COUNTER);
		expect(await bench.store.listPackages(id)).toHaveLength(1);
		const signed = new SigningCard(bench.pki).open(first);
		expect(signed).toMatchObject({ eimId: EIM_ID, counterValue: FIRST_COUNTER, eidValue: Eid.toBytes(eid) });
		expect(signed.euiccPackage).toEqual({
			psmoList: [{ enable: { iccid: Iccid.toBytes(iccid), rollbackFlag: null } }],
		});
	});

	it("is verified by the card over the association token of the device", async () => {
		bench = await esipaBench();
		await bench.register(eid, { ...bench.known, associationToken: 7 });
		await bench.order(eid, disable);
		const answer = await bench.ask(poll(eid));
		expect(new SigningCard(bench.pki, 7).open(answer).counterValue).toBe(FIRST_COUNTER);
		expect(() => new SigningCard(bench.pki, 0).open(answer)).toThrowError(/eimSignature/);
	});

	it("of listProfiles names its tags, of readEuiccData never 5A or BF2D", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		await bench.order(eid, { type: "listProfiles", parameters: {} });
		const first = await bench.ask(poll(eid));
		expect(toHex(first)).toContain("BF2D115C0F5A4F9F7090919295999F269F679F7B");
		await bench.ask(
			result(eid, new SigningCard(bench.pki).execute(first, [{ listProfileInfoResult: { profileInfoListOk: [] } }])),
		);
		const id = await bench.order(eid, { type: "readEuiccData", parameters: { tags: ["5A"] } });
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
		expect(await bench.state(id)).toBe("failed");
	});

	it("is gone after its expiry", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		await bench.ask(poll(eid));
		await bench.clock.advance(Hours(2));
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
		expect(await bench.state(id)).toBe("expired");
	});

	it("of version 1.0 polls is handed out too: rPLMN under 81", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		expect(await bench.ask(poll(eid, hex`81 03 62F210`))).toEqual(NO_PACKAGE);
		expect((await bench.store.loadDevice(eid))?.lastRplmn).toBe("62F210");
		await bench.ask(poll(eid, hex`80 00 81 01 03`));
		expect((await bench.store.loadDevice(eid))?.lastStateChangeCause).toBe(3);
	});
});

describe("deviations that real devices send", () => {
	it("results without the arm of their CHOICE are taken, and verified over the octets as received", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		const header = executed.length > 131 ? 4 : 3;
		const arm = executed.subarray(header);
		const bare = tlv(0xbf51, arm.subarray(arm[1] === 0x81 ? 3 : 2));
		expect(acknowledgedIn(await bench.ask(result(eid, bare)))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("an error as a primitive 80 around a SEQUENCE is read", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		await bench.ask(poll(eid));
		expect(await bench.ask(result(eid, hex`80 05 30 03 02 01 7F`))).toEqual(EMPTY);
		expect((await bench.store.loadOperation(id))?.reason?.code).toBe("eimPackageResultError: undefinedError(127)");
	});

	it("IpaEuiccData without an EID is taken by the EID of its certificate", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		await bench.order(eid, { type: "readEuiccData", parameters: {} });
		const data = certificates(await takeDataRequest(bench));
		expect(await bench.ask(tlv(0xbf50, data))).toEqual(EMPTY);
		expect((await bench.store.loadDevice(eid))?.euiccCertificate).toEqual(testPki().euicc.certificate);
	});
});
