import type { PackageInjector } from "@iot-esim/eim/esipa/inject-packages";
import { decode, decodeKept, encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { TransferEimPackageRequest } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { IpaEuiccDataResponse } from "@iot-esim/shared/messages/sgp32/ipa-euicc-data";
import { ProfileInstallationResult } from "@iot-esim/shared/messages/sgp32/notifications";
import { ProfileDownloadTriggerResult } from "@iot-esim/shared/messages/sgp32/profile-download-trigger";
import { hex, utf8 } from "@iot-esim/shared/util/bytes";
import { Hours } from "@iot-esim/shared/util/duration";
import { afterEach, describe, expect, it } from "vitest";
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
import { EMPTY, takeDataRequest } from "../support/esipa-octets.ts";
import { installation, SMDP, takeTrigger } from "../support/relayed-download.ts";

const { eid } = testPki();
const one = Iccid("8900101000000000018");
const two = Iccid("8900101000000000026");
const enable = (iccid: Iccid) => ({ type: "enable", parameters: { iccid, rollback: false } }) as const;

let bench: Awaited<ReturnType<typeof esipaBench>>;
afterEach(() => bench.close());

async function registered(facts: object = {}) {
	bench = await esipaBench();
	await bench.register(eid, { ...bench.known, ...facts });
}

const dataOf = (members: object = {}) => encode(IpaEuiccDataResponse, { ipaEuiccData: members });

describe("a replay that the card has signed", () => {
	it("is resolved by the answer to the question for stored results alone, not by data that nobody asked for", async () => {
		await registered();
		const card = new SigningCard(bench.pki);
		const id = await bench.order(eid, enable(one));
		const sent = await bench.ask(poll(eid));
		const executed = card.execute(sent, [{ enableResult: 0 }]);
		expect(await bench.ask(result(eid, card.refuse(sent, 4)))).toEqual(EMPTY);
		expect(await bench.state(id)).toBe("awaiting-verification");
		// A stranger, or an answer to an earlier question that was delayed.
		await bench.ask(result(eid, dataOf()));
		expect(await bench.state(id)).toBe("awaiting-verification");
		const eimTransactionId = await takeDataRequest(bench);
		await bench.ask(result(eid, dataOf({ eimTransactionId, euiccPackageResultList: [] })));
		expect(await bench.state(id)).toBe("queued");
		expect(acknowledgedIn(await bench.ask(result(eid, executed)))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
	});

	it("is not resolved by an answer to a question for something else", async () => {
		await registered();
		const card = new SigningCard(bench.pki);
		const id = await bench.order(eid, enable(one));
		const sent = await bench.ask(poll(eid));
		const audit = { at: 0, actor: "test", action: "test", subject: "test", facts: {} };
		const times = { createdAt: 0, updatedAt: 0, expiresAt: bench.clock.now() + Hours(1) };
		await bench.store.enqueueOperation(
			{
				...{ type: "readEuiccData", parameters: { tags: ["81"] } },
				...{ ...times, id: "own", eid, tenantId: "default", origin: "eim", state: "queued" },
			},
			audit,
		);
		await bench.ask(result(eid, card.refuse(sent, 4)));
		await bench.ask(result(eid, dataOf({ eimTransactionId: await takeDataRequest(bench) })));
		expect(await bench.state(id)).toBe("awaiting-verification");
		// Now the card is asked for its results.
		await bench.ask(result(eid, dataOf({ eimTransactionId: await takeDataRequest(bench) })));
		expect(await bench.state(id)).toBe("queued");
	});
});

const unsigned = (token: number, transactionId?: Uint8Array) =>
	tlv(
		0xbf51,
		tlv(
			0xa2,
			tlv(0x80, utf8(EIM_ID)),
			...(transactionId === undefined ? [] : [tlv(0x82, transactionId)]),
			tlv(0x84, Uint8Array.of(token)),
		),
	);

describe("an unsigned word about the association token", () => {
	it("by a stranger does not keep the card's own result from being taken", async () => {
		await registered({ associationToken: 7 });
		const card = new SigningCard(bench.pki, 7);
		const id = await bench.order(eid, enable(one));
		const sent = await bench.ask(poll(eid));
		await bench.ask(result(eid, unsigned(9)));
		expect((await bench.store.loadDevice(eid))?.associationToken).toBe(9);
		// The card has executed the package meanwhile.
		expect(acknowledgedIn(await bench.ask(result(eid, card.execute(sent, [{ enableResult: 0 }]))))).toEqual([1]);
		expect(await bench.state(id)).toBe("succeeded");
		expect((await bench.store.loadDevice(eid))?.associationToken).toBe(7);
	});

	it("about a package that was made anew since says nothing of the new one", async () => {
		await registered();
		const card = new SigningCard(bench.pki, 7);
		const id = await bench.order(eid, enable(one));
		const before = new SigningCard(bench.pki).open(await bench.ask(poll(eid)));
		const refusal = unsigned(7, before.eimTransactionId);
		await bench.ask(result(eid, refusal));
		const anew = await bench.ask(poll(eid));
		const delayed = unsigned(9, before.eimTransactionId);
		await bench.ask(result(eid, delayed));
		expect(await bench.ask(poll(eid))).toEqual(anew);
		expect((await bench.store.loadDevice(eid))?.associationToken).toBe(7);
		await bench.ask(result(eid, card.execute(anew, [{ enableResult: 0 }])));
		expect(await bench.state(id)).toBe("succeeded");
	});
});

describe("an answer of another kind that names the transaction of a package", () => {
	const answers = (eimTransactionId: Uint8Array) => ({
		"eUICC data": dataOf({ eimTransactionId }),
		"an error instead of eUICC data": encode(IpaEuiccDataResponse, {
			ipaEuiccDataResponseError: { eimTransactionId, ipaEuiccDataErrorCode: 127 },
		}),
		"an error of a download": encode(ProfileDownloadTriggerResult, {
			eimTransactionId,
			profileDownloadTriggerResultData: { profileDownloadError: { profileDownloadErrorReason: 127 } },
		}),
	});

	it.each(["eUICC data", "an error instead of eUICC data", "an error of a download"] as const)(
		"ends no operation: %s",
		async (what) => {
			await registered();
			const card = new SigningCard(bench.pki);
			const id = await bench.order(eid, enable(one));
			const sent = await bench.ask(poll(eid));
			const { eimTransactionId = Uint8Array.of() } = card.open(sent);
			await bench.ask(result(eid, answers(eimTransactionId)[what]));
			expect(await bench.state(id)).toBe("sent");
			expect(await bench.ask(poll(eid))).toEqual(sent);
		},
	);

	it("ends no operation: late, with the transaction of an earlier question", async () => {
		await registered();
		const ask = async () => {
			const id = await bench.order(eid, { type: "readEuiccData", parameters: {} });
			return { id, eimTransactionId: await takeDataRequest(bench) };
		};
		const before = await ask();
		await bench.ask(result(eid, dataOf({ eimTransactionId: before.eimTransactionId })));
		const now = await ask();
		await bench.ask(
			result(eid, dataOf({ eimTransactionId: Uint8Array.of(1, 2, 3), defaultSmdpAddress: "old.example" })),
		);
		expect(await bench.state(now.id)).toBe("sent");
		expect((await bench.store.loadDevice(eid))?.defaultSmdpAddress).toBeUndefined();
	});
});

describe("an installation result", () => {
	it("that comes again without its transaction ends no later download", async () => {
		await registered();
		const result37 = decodeKept(ProfileInstallationResult, installation());
		const told = (eimTransactionId?: Uint8Array) =>
			encode(ProfileDownloadTriggerResult, {
				...(eimTransactionId === undefined ? {} : { eimTransactionId }),
				profileDownloadTriggerResultData: { profileInstallationResult: result37 },
			});
		const download = async () => {
			const source = { smdpAddress: SMDP, matchingId: "M-1" };
			const id = await bench.order(eid, { type: "download", parameters: source });
			return { id, trigger: await takeTrigger(bench) };
		};
		const first = await download();
		await bench.ask(result(eid, told(first.trigger.eimTransactionId)));
		expect(await bench.state(first.id)).toBe("succeeded");
		await bench.store.listOperations({ eid, origin: "eim", states: ["queued"], limit: 5 }).then(async ({ items }) => {
			for (const { id } of items) await bench.store.moveOperation(id, { kind: "cancelled", at: bench.clock.now() });
		});
		const second = await download();
		await bench.ask(result(eid, told()));
		expect(await bench.state(second.id)).toBe("sent");
	});
});

describe("a package that is brought", () => {
	it("leaves the version of an IPA that polls in version 1.0 as it was learnt", async () => {
		let card: SigningCard | undefined;
		const injector: PackageInjector = {
			transfer: async (_address, message) => {
				const request = decode(TransferEimPackageRequest, message);
				if (!("euiccPackageRequest" in request) || card === undefined) return hex`BF4E 02 0500`;
				const sent = tlv(0xbf4f, request.euiccPackageRequest.der);
				return tlv(0xbf4e, card.execute(sent, [{ getRATResult: [] }]));
			},
		};
		bench = await esipaBench({ injector });
		const inject = { url: "https://device.example.com", certificate: "", binding: "asn1" } as const;
		await bench.register(eid, { ...bench.known, inject });
		card = new SigningCard(bench.pki);
		await bench.ask(poll(eid, hex`81 03 00F110`));
		expect((await bench.store.loadDevice(eid))?.dialect.version).toBe("1.0");
		const id = await bench.order(eid, { type: "getRat", parameters: {} });
		await bench.jobs.runDue();
		expect(await bench.state(id)).toBe("succeeded");
		expect((await bench.store.loadDevice(eid))?.dialect.version).toBe("1.0");
	});
});

describe("a device with a full queue", () => {
	it("that reports a change by itself is given what waits for it all the same", async () => {
		await registered();
		let isFull = false;
		for (let n = 0; n < 1000 && !isFull; n++) {
			isFull = await bench.order(eid, { type: "getRat", parameters: {} }).then(
				() => false,
				() => true,
			);
		}
		expect(isFull).toBe(true);
		// What it reported is asked for, and what was ordered comes after it.
		const sent = packageIn(await bench.ask(poll(eid, hex`80 00 81 01 03`)));
		expect(Object.keys(sent)).toEqual(["ipaEuiccDataRequest"]);
		const { items } = await bench.store.listOperations({ eid, origin: "eim", limit: 5 });
		expect(items.map(({ type }) => type).sort()).toEqual(["listProfiles", "readEuiccData"]);
	});
});

describe("a signed error", () => {
	it.each([4, 127])("%i of a package that was made anew since says nothing of the new one", async (code) => {
		await registered();
		const card = new SigningCard(bench.pki);
		const id = await bench.order(eid, enable(one));
		const first = await bench.ask(poll(eid));
		const late = card.refuse(first, code);
		await bench.ask(result(eid, unsigned(7)));
		const anew = await bench.ask(poll(eid));
		expect(anew).not.toEqual(first);
		await bench.ask(result(eid, late));
		expect(await bench.state(id)).toBe("sent");
		expect(await bench.ask(poll(eid))).toEqual(anew);
	});
});

describe("a result that comes after that of a later package", () => {
	it("ends its operation, but what is on the card now is asked of the card", async () => {
		await registered();
		const card = new SigningCard(bench.pki);
		const first = await bench.order(eid, enable(one));
		const late = card.execute(await bench.ask(poll(eid)), [{ enableResult: 0 }]);
		await bench.clock.advance(Hours(2));
		const second = await bench.order(eid, enable(two));
		await bench.ask(result(eid, card.execute(await bench.ask(poll(eid)), [{ enableResult: 0 }])));
		expect(await bench.state(second)).toBe("succeeded");
		expect(acknowledgedIn(await bench.ask(result(eid, late)))).toEqual([1]);
		expect(await bench.state(first)).toBe("succeeded");
		const enabled = (await bench.store.listProfiles(eid)).filter(({ state }) => state === "enabled");
		expect(enabled.map(({ iccid }) => iccid)).toEqual([two]);
		expect(card.open(await bench.ask(poll(eid))).euiccPackage).toMatchObject({ psmoList: [{ listProfileInfo: {} }] });
	});
});
