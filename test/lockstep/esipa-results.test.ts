import { encode } from "@iot-esim/shared/asn1/schema";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { EuiccPackageResult } from "@iot-esim/shared/messages/sgp32/euicc-package-result";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { issueCrl, parseCrl } from "@iot-esim/shared/pki/crl";
import { signEuiccPackageResult } from "@iot-esim/shared/security/package-signature";
import { equalBytes, hex, toHex } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { acknowledgedIn, EIM_ID, esipaBench, poll, result, SigningCard, testPki } from "../support/esipa-bench.ts";
import { certificates, EMPTY, NO_PACKAGE, takeDataRequest } from "../support/esipa-octets.ts";

const { eid } = testPki();
const iccid = Iccid("89490200001234567890");
const enable = { type: "enable", parameters: { iccid, rollback: true } } as const;

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

describe("a result", () => {
	it("with a good signature ends the operation, changes the profiles, and is acknowledged by the card's number", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const card = new SigningCard(bench.pki, 0, 42);
		const executed = card.execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		expect(await bench.ask(result(eid, executed))).toEqual(hex`BF50 06 BF53 03 80 01 2A`);
		expect(await bench.state(id)).toBe("succeeded");
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid, state: "enabled" }]);
		expect(await bench.ask(poll(eid))).toEqual(NO_PACKAGE);
	});

	it("that comes twice changes nothing the second time and is acknowledged again", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		await bench.order(eid, enable);
		const card = new SigningCard(bench.pki);
		const executed = card.execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		const answer = await bench.ask(result(eid, executed));
		const events = await bench.store.lastEventId();
		expect(await bench.ask(result(eid, executed))).toEqual(answer);
		expect(await bench.store.lastEventId()).toBe(events);
		expect(await bench.store.listResults(eid)).toHaveLength(1);
	});

	it("signed by another key is rejected, not acknowledged, and leaves the package open", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const answer = await bench.ask(poll(eid));
		const { counterValue, eimTransactionId } = new SigningCard(bench.pki).open(answer);
		const data = {
			eimId: EIM_ID,
			counterValue,
			eimTransactionId: eimTransactionId as Uint8Array,
			seqNumber: 1,
			euiccResult: [{ enableResult: 0 }],
		};
		const { privateKey } = generateKeyPair("P-256");
		const forged = encode(EuiccPackageResult, signEuiccPackageResult({ data, associationToken: 0, privateKey }));
		expect(await bench.ask(result(eid, forged))).toEqual(hex`BF50 03 02 01 7F`);
		expect(await bench.state(id)).toBe("sent");
		expect(await bench.store.listProfiles(eid)).toEqual([]);
		expect(equalBytes(await bench.ask(poll(eid)), answer)).toBe(true);
	});

	it("whose octets were changed is rejected", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ enableResult: 3 }]);
		const changed = executed.slice();
		const at = toHex(changed).indexOf("830103") / 2 + 2;
		changed[at] = 0;
		expect(await bench.ask(result(eid, changed))).toEqual(hex`BF50 03 02 01 7F`);
		expect(await bench.state(id)).toBe("sent");
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
		expect(await bench.state(id)).toBe("failed");
		expect((await bench.store.loadOperation(id))?.reason?.code).toBe("enable: disallowedByPolicy(3)");
	});

	it("of an unknown chain is kept and not acknowledged, then verified and acknowledged with the certificates", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		const id = await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki, 0, 5).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		expect(await bench.ask(result(eid, executed))).toEqual(EMPTY);
		expect(await bench.state(id)).toBe("awaiting-verification");
		expect(await bench.store.listProfiles(eid)).toEqual([]);
		expect(await bench.store.listResults(eid, "kept")).toHaveLength(1);
		const transaction = await takeDataRequest(bench);
		expect(await bench.ask(result(eid, certificates(transaction)))).toEqual(hex`BF50 06 BF53 03 80 01 05`);
		expect(await bench.state(id)).toBe("succeeded");
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid, state: "enabled" }]);
		expect(await bench.store.listResults(eid, "kept")).toHaveLength(0);
	});

	it("that was kept is verified by a job when the eIM died between the certificates and the verification", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		const id = await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		await bench.ask(result(eid, executed));
		const now = bench.clock.now();
		await bench.store.changeDevice(eid, bench.known);
		await bench.store.saveJobs([{ kind: "keptResultVerification", reference: eid, runAfter: now }], now);
		expect(await bench.jobs.runDue()).toBe(1);
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("that was kept and proves false sets the package free again", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		const id = await bench.order(eid, enable);
		const answer = await bench.ask(poll(eid));
		const { counterValue } = new SigningCard(bench.pki).open(answer);
		const data = { eimId: EIM_ID, counterValue, seqNumber: 1, euiccResult: [{ enableResult: 0 }] };
		const { privateKey } = generateKeyPair("P-256");
		const forged = encode(EuiccPackageResult, signEuiccPackageResult({ data, associationToken: 0, privateKey }));
		expect(await bench.ask(result(eid, forged))).toEqual(EMPTY);
		expect(await bench.ask(result(eid, certificates(await takeDataRequest(bench))))).toEqual(EMPTY);
		expect(await bench.state(id)).toBe("sent");
		expect(equalBytes(await bench.ask(poll(eid)), answer)).toBe(true);
	});

	it("of a chain under no trusted CI is kept, and the certificates are refused", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		const id = await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		await bench.ask(result(eid, executed));
		const transaction = await takeDataRequest(bench);
		const stranger = encode(IpaEuiccDataResponse, {
			ipaEuiccData: {
				euiccCertificate: testPki().euicc.certificate,
				eumCertificate: testPki().dpAuth.certificate,
				eimTransactionId: transaction,
			},
		});
		expect(await bench.ask(result(eid, stranger))).toEqual(EMPTY);
		expect(await bench.state(id)).toBe("awaiting-verification");
		expect((await bench.store.loadDevice(eid))?.euiccCertificate).toBeUndefined();
	});

	it("of a revoked eUICC is kept and changes nothing, like one whose EUM is past its last day", async () => {
		const { eum, euicc } = testPki();
		const list = issueCrl({
			issuer: parseCertificate(eum.certificate),
			privateKey: eum.privateKey,
			thisUpdate: 0,
			nextUpdate: Date.UTC(2100, 0, 1),
			crlNumber: 1,
			revoked: [{ serialNumber: parseCertificate(euicc.certificate).serialNumber, at: 0 }],
		});
		const inForce = { revoked: false };
		bench = await esipaBench({ crls: () => (inForce.revoked ? [parseCrl(list)] : []) });
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const card = new SigningCard(bench.pki);
		const executed = card.execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		inForce.revoked = true;
		expect(await bench.ask(result(eid, executed))).toEqual(EMPTY);
		expect(await bench.store.loadOperation(id)).toMatchObject({
			state: "awaiting-verification",
			reason: { code: "PKI_REVOKED" },
		});
		expect(await bench.store.listProfiles(eid)).toEqual([]);
	});

	it("is not kept without bound", async () => {
		bench = await esipaBench();
		await bench.register(eid);
		const data = { eimId: EIM_ID, counterValue: 1, seqNumber: 1, euiccResult: [] };
		const { privateKey } = generateKeyPair("P-256");
		const answers: Uint8Array[] = [];
		for (let seqNumber = 1; seqNumber <= 40; seqNumber++) {
			const forged = signEuiccPackageResult({ data: { ...data, seqNumber }, associationToken: 0, privateKey });
			answers.push(await bench.ask(result(eid, encode(EuiccPackageResult, forged))));
		}
		expect(await bench.store.listResults(eid, "kept")).toHaveLength(32);
		expect(answers.at(-1)).toEqual(hex`BF50 03 02 01 7F`);
	});

	it("counts unverified only for a device in a lab mode that says so", async () => {
		bench = await esipaBench();
		await bench.register(eid, { labMode: "bring-up", acceptUnverified: true });
		const id = await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki, 0, 9).execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([9]);
		expect(await bench.state(id)).toBe("succeeded");
		expect((await bench.store.listResults(eid))[0]?.verification).toBe("accepted-unverified");
	});

	it("for another eIM is not taken", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const data = { eimId: "other", counterValue: 1, seqNumber: 1, euiccResult: [{ enableResult: 0 }] };
		const { privateKey } = bench.pki.euicc;
		const foreign = encode(EuiccPackageResult, signEuiccPackageResult({ data, associationToken: 0, privateKey }));
		expect(await bench.ask(result(eid, foreign))).toEqual(hex`BF50 03 02 01 7F`);
		expect(await bench.store.listResults(eid)).toEqual([]);
	});
});

describe("results that say more", () => {
	it("a rollback puts the operation to rolled-back, and the eIM asks for the list of profiles", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const card = new SigningCard(bench.pki);
		const answer = await bench.ask(poll(eid));
		const executed = card.execute(answer, [{ enableResult: 0 }, { rollbackResult: 0 }]);
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
		expect(await bench.state(id)).toBe("rolled-back");
		expect(await bench.store.listProfiles(eid)).toMatchObject([{ iccid, state: "disabled" }]);
		expect(card.open(await bench.ask(poll(eid))).euiccPackage).toMatchObject({ psmoList: [{ listProfileInfo: {} }] });
	});

	it("a rollback after a delivered success still counts", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const card = new SigningCard(bench.pki);
		const answer = await bench.ask(poll(eid));
		await bench.ask(result(eid, card.execute(answer, [{ enableResult: 0 }])));
		expect(acknowledgedIn(await bench.ask(result(eid, card.execute(answer, [{ rollbackResult: 0 }]))))).toEqual([2]);
		expect(await bench.state(id)).toBe("rolled-back");
	});

	it("processingTerminated fails the operation in the standard's code", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const id = await bench.order(eid, enable);
		const executed = new SigningCard(bench.pki).execute(await bench.ask(poll(eid)), [{ processingTerminated: 3 }]);
		await bench.ask(result(eid, executed));
		expect((await bench.store.loadOperation(id))?.reason?.code).toBe("processingTerminated: interruption(3)");
	});

	it("an empty result, or one to another command, is no success", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const card = new SigningCard(bench.pki);
		const first = await bench.order(eid, enable);
		await bench.ask(result(eid, card.execute(await bench.ask(poll(eid)), [])));
		expect(await bench.state(first)).toBe("failed");
		// What the card holds now is asked before anything else.
		const list = { listProfileInfoResult: { profileInfoListOk: [] } };
		await bench.ask(result(eid, card.execute(await bench.ask(poll(eid)), [list])));
		const second = await bench.order(eid, enable);
		await bench.ask(result(eid, card.execute(await bench.ask(poll(eid)), [{ deleteResult: 0 }])));
		expect(await bench.state(second)).toBe("failed");
		expect(await bench.store.listProfiles(eid)).toEqual([]);
	});

	it("a list replaces what was known of the profiles", async () => {
		bench = await esipaBench();
		await bench.register(eid, bench.known);
		const card = new SigningCard(bench.pki);
		await bench.order(eid, { type: "listProfiles", parameters: {} });
		const profileInfoListOk = [
			{ iccid: Iccid.toBytes(iccid), isdpAid: hex`A0000005591010FFFFFFFF8900001000`, profileState: 1, profileClass: 0 },
			{
				iccid: Iccid.toBytes(Iccid("8949020000000000002")),
				profileState: 0,
				serviceProviderName: "SP",
				fallbackAttribute: true,
			},
		];
		await bench.ask(
			result(eid, card.execute(await bench.ask(poll(eid)), [{ listProfileInfoResult: { profileInfoListOk } }])),
		);
		const profiles = await bench.store.listProfiles(eid);
		expect(profiles).toHaveLength(2);
		expect(profiles).toContainEqual(expect.objectContaining({ iccid, state: "enabled", profileClass: "test" }));
		expect(profiles).toContainEqual(
			expect.objectContaining({
				iccid: "8949020000000000002",
				state: "disabled",
				serviceProviderName: "SP",
				isFallback: true,
			}),
		);
	});
});
