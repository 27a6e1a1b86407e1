import { Eid } from "@iot-esim/shared/ids/eid";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiBench } from "../../../test/support/api-bench.ts";
import { otherEim } from "../../../test/support/eims.ts";
import { LAST_COUNTER } from "../domain/device.ts";
import { QUEUE_BOUND } from "../storage/sql/operation-store.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
const iccid = "8949000000000000001";
const devices = "/api/v1/devices";
const operations = `${devices}/${eid}/operations`;
const OWN = "eim.example.com";
const [CURRENT, FORMER, TRUST] = ["0000000000000002", "0000000000000001", "00000000000000AA"];

let bench: Awaited<ReturnType<typeof apiBench>>;
beforeEach(async () => {
	bench = await apiBench();
});
afterEach(() => bench.close());

const register = (more: object = {}) => bench.call("POST", devices, { eid, ...more });
const order = (body: object) => bench.call("POST", operations, body);
const queued = async () => (await bench.call("GET", `/api/v1/operations?eid=${eid}`)).body.items.length;

describe("an order of eUICC packages", () => {
	it("is kept as it was given, alone or with others in one package", async () => {
		await register();
		const other = otherEim("other.example.com");
		const { status, body } = await order({
			type: "euiccPackage",
			commands: [
				{ type: "addEim", configuration: toBase64(other.given()) },
				{ type: "listEims" },
				{ type: "updateEim" },
			],
		});
		expect(status).toBe(202);
		const shown = await bench.call("GET", `/api/v1/operations/${body.id}`);
		expect(shown.body.parameters.commands).toMatchObject([
			{ type: "addEim", parameters: other.told() },
			{ type: "listEims" },
			{ type: "updateEim", parameters: {} },
		]);
	});

	it.each([
		[{ type: "euiccPackage", commands: [] }, "API_REQUEST_INVALID", "body.commands"],
		[
			{ type: "euiccPackage", commands: [{ type: "enable" }] },
			"API_REQUEST_INVALID",
			"body.commands.0.iccid: is missing",
		],
		[{ type: "euiccPackage", commands: [{ type: "download" }] }, "API_REQUEST_INVALID", "body.commands.0.type"],
		[
			{ type: "euiccPackage", commands: [{ type: "delete", iccid }, { type: "listEims" }] },
			"PACKAGE_RULE_BROKEN",
			"commands[1] (listEims)",
		],
		[{ type: "listProfiles", tags: ["5A", "90"] }, "API_REQUEST_INVALID", "body.tags: has no 9F70"],
		[{ type: "listProfiles", search: { iccid, profileClass: "test" } }, "API_REQUEST_INVALID", "body.search"],
		[{ type: "addEim", configuration: "AAAA" }, "ESIPA_CONFIGURATION_INVALID", "no eIM configuration"],
		[{ type: "addEim", configuration: "?" }, "API_REQUEST_INVALID", "eIM configuration data in base64"],
	])("%j is refused with what is wrong, and nothing is queued", async (body, code, words) => {
		await register();
		const refused = await order(body);
		expect([refused.status, refused.body.code]).toEqual([400, code]);
		expect(refused.body.detail).toContain(words);
		expect(refused.body.action).toBeTruthy();
		expect(await queued()).toBe(0);
	});

	it("cannot tell the card of a key of this eIM that is not its own", async () => {
		await register();
		const impostor = otherEim(OWN);
		const refused = await order({ type: "updateEim", configuration: toBase64(impostor.given()) });
		expect(refused.body).toMatchObject({
			code: "API_REQUEST_INVALID",
			detail: expect.stringContaining("leave it out"),
		});
	});

	it("is refused with advice where the counter of the card is spent, but for commands on eIMs", async () => {
		await register({ counter: LAST_COUNTER - 5 });
		const refused = await order({ type: "listProfiles" });
		expect([refused.status, refused.body.code]).toEqual([409, "DEVICE_COUNTER_EXHAUSTED"]);
		expect(refused.body.action).toContain("addEim");
		expect((await order({ type: "listEims" })).status).toBe(202);
		// Another eIM has removed this one and added it anew: another token, and the counter begins again.
		expect((await bench.call("PATCH", `${devices}/${eid}`, { counter: 1 })).body.code).toBe("DEVICE_COUNTER_SPENT");
		const anew = { association: "associated", associationToken: 9, counter: 1 };
		expect((await bench.call("PATCH", `${devices}/${eid}`, anew)).body).toMatchObject({
			counter: 1,
			associationToken: 9,
		});
		expect((await order({ type: "listProfiles" })).status).toBe(202);
	});

	it("is refused for a released device until the card was told of this eIM again", async () => {
		await register({ associationToken: 1 });
		const released = await bench.call("PATCH", `${devices}/${eid}`, { association: "released" });
		expect(released.body).toMatchObject({ association: "released", releasedAt: expect.any(String) });
		const refused = await order({ type: "listProfiles" });
		expect([refused.status, refused.body.code]).toEqual([409, "DEVICE_RELEASED"]);
		await bench.call("PATCH", `${devices}/${eid}`, { association: "associated", associationToken: 2, counter: 1 });
		expect((await order({ type: "listProfiles" })).status).toBe(202);
	});

	it("asks the IPA first how it downloads where an order depends on it", async () => {
		await register();
		const questions = async () => (await bench.store.listOperations({ origin: "eim", limit: 9 })).items.length;
		const download = { type: "download", smdpAddress: "smdp.example.com", matchingId: "M-1" };
		await order(download);
		expect(await questions()).toBe(0);
		await order({ ...download, mode: "direct" });
		await order({ ...download, expected: { profileClass: "operational" } });
		expect(await questions()).toBe(2);
		await bench.store.changeDevice(eid, { ipaCapabilities: Uint8Array.of(0xa8, 4, 0x80, 2, 6, 0x40) });
		await order({ ...download, mode: "indirect" });
		expect(await questions()).toBe(2);
	});

	it("warns of the farewell, and asks for the certificates before it where they are not known", async () => {
		await register();
		const { body } = await order({ type: "deleteEim", eimId: OWN });
		expect(body.warnings.join(" ")).toContain("afterwards it can order nothing");
		const own = await bench.call("GET", `/api/v1/operations?eid=${eid}&origin=eim`);
		expect(own.body.items).toMatchObject([{ type: "readEuiccData", state: "queued" }]);
	});
});

describe("a roll-over of keys", () => {
	it("tells which devices know which keys, and orders updates from those that are behind", async () => {
		await register({ signingKeyId: FORMER });
		const view = await bench.call("GET", "/api/v1/eim-keys");
		expect(view.body).toEqual({
			current: { signingKeyId: CURRENT, tlsTrustId: TRUST },
			formerSigningKeyIds: [FORMER],
			outdated: 1,
			updating: 0,
			counts: [
				{ signingKeyId: FORMER, tlsTrustId: TRUST, devices: 1, updating: 0, isCurrent: false, isConfigured: true },
			],
		});
		const first = await bench.call("POST", "/api/v1/eim-keys/updates", { limit: 10 });
		expect([first.status, first.body]).toEqual([202, { ordered: 1, outdated: 1, updating: 1 }]);
		expect((await bench.call("POST", "/api/v1/eim-keys/updates", {})).body.ordered).toBe(0);
		await bench.store.changeDevice(eid, { signingKeyId: CURRENT });
		expect((await bench.call("GET", "/api/v1/eim-keys")).body.outdated).toBe(0);
	});

	it("passes over a device whose queue is full", async () => {
		await register({ signingKeyId: FORMER });
		for (let n = 0; n < QUEUE_BOUND; n++) await order({ type: "listProfiles" });
		const { status, body } = await bench.call("POST", "/api/v1/eim-keys/updates", {});
		expect([status, body]).toEqual([202, { ordered: 0, outdated: 1, updating: 0 }]);
	});

	it("begins with devices that know the key that new cards are told, unless another one is named that exists", async () => {
		expect((await register()).body.signingKeyId).toBe(CURRENT);
		const refused = await bench.call("PATCH", `${devices}/${eid}`, { signingKeyId: "00000000000000FF" });
		expect(refused.body).toMatchObject({ code: "API_REQUEST_INVALID", detail: expect.stringContaining(FORMER) });
	});
});
