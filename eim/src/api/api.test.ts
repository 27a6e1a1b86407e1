import { Eid } from "@iot-esim/shared/ids/eid";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiBench, CONFIGURATION } from "../../../test/support/api-bench.ts";

type Bench = Awaited<ReturnType<typeof apiBench>>;
let bench: Bench;
beforeEach(async () => {
	bench = await apiBench();
});
afterEach(async () => {
	await bench.close();
});

const eid = Eid.withCheckDigits("890490320000000000000000000001");
const iccid = "8949000000000000001";
const devices = "/api/v1/devices";
const operations = `${devices}/${eid}/operations`;

describe("access", () => {
	it("asks for a key on every route but health, metrics and its own document", async () => {
		await bench.api.ready();
		for (const { method, path, isOpen } of routesOf(bench)) {
			const url = path.replace("{eid}", eid).replace("{id}", "x");
			const { statusCode } = await bench.api.inject({ method, url });
			expect([method, path, statusCode === 401]).toEqual([method, path, !isOpen]);
		}
	});

	it("names a missing, a wrong and a revoked key, and says what to do", async () => {
		const missing = await bench.api.inject({ url: devices });
		expect(missing.headers["content-type"]).toContain("application/problem+json");
		expect(missing.headers["www-authenticate"]).toBe("Bearer");
		expect(missing.json()).toMatchObject({ code: "API_KEY_REQUIRED", status: 401, action: expect.any(String) });
		const wrong = await bench.api.inject({ url: devices, headers: { authorization: "Bearer eim_x" } });
		expect(wrong.json()).toMatchObject({ code: "API_KEY_INVALID" });
		const made = await bench.call("POST", "/api/v1/api-keys", { name: "night shift" });
		expect(made.status).toBe(201);
		const headers = { authorization: `Bearer ${made.body.key}` };
		expect((await bench.api.inject({ url: devices, headers })).statusCode).toBe(200);
		expect((await bench.call("DELETE", `/api/v1/api-keys/${made.body.id}`)).status).toBe(204);
		expect((await bench.api.inject({ url: devices, headers })).json()).toMatchObject({ code: "API_KEY_INVALID" });
		expect((await bench.call("DELETE", `/api/v1/api-keys/${made.body.id}`)).body.code).toBe("API_KEY_UNKNOWN");
	});

	it("shows a key once, stores only its hash, and notes when it was used", async () => {
		const made = await bench.call("POST", "/api/v1/api-keys", { name: "reader", readOnly: true });
		const headers = { authorization: `Bearer ${made.body.key}` };
		expect((await bench.call("GET", "/api/v1/seen-unknown", undefined, headers)).status).toBe(200);
		const { items } = (await bench.call("GET", "/api/v1/api-keys")).body;
		const reader = items.find(({ name }: { name: string }) => name === "reader");
		expect(reader).toMatchObject({ readOnly: true, lastUsedAt: expect.any(String) });
		expect(JSON.stringify(items)).not.toContain(made.body.key);
		expect(JSON.stringify(await bench.store.listApiKeys())).not.toContain(made.body.key);
		const refused = await bench.call("POST", devices, { eid }, headers);
		expect(refused).toMatchObject({ status: 403, body: { code: "API_KEY_READ_ONLY" } });
	});
});

describe("devices", () => {
	it("registers, shows, changes, lists and removes a device", async () => {
		const made = await bench.call("POST", devices, { eid, name: "pump 7", tags: { site: "north" } });
		expect(made).toMatchObject({ status: 201, body: { eid, name: "pump 7", acceptUnverified: false, counter: 1 } });
		expect(made.headers.location).toBe(`${devices}/${eid}`);
		expect(await bench.call("POST", devices, { eid })).toMatchObject({
			status: 409,
			body: { code: "API_DEVICE_EXISTS" },
		});
		const changed = await bench.call("PATCH", `${devices}/${eid}`, { name: "pump 8", tags: {} });
		expect(changed.body).toMatchObject({ name: "pump 8", tags: {} });
		expect((await bench.call("GET", `${devices}/${eid}`)).body).toMatchObject({ name: "pump 8", profiles: [] });
		expect((await bench.call("GET", `${devices}?search=PUMP`)).body.items).toHaveLength(1);
		expect((await bench.call("GET", `${devices}?tag=site=north`)).body.items).toHaveLength(0);
		expect((await bench.call("DELETE", `${devices}/${eid}`)).status).toBe(204);
		expect(await bench.call("GET", `${devices}/${eid}`)).toMatchObject({
			status: 404,
			body: { code: "API_DEVICE_UNKNOWN" },
		});
	});

	it("names the field that does not fit", async () => {
		const cases: [unknown, string][] = [
			[{}, "body.eid"],
			[{ eid: "8904" }, "body.eid"],
			[{ eid: `${eid.slice(0, 31)}${(Number(eid[31]) + 1) % 10}` }, "body.eid"],
			[{ eid, name: "" }, "body.name"],
			[{ eid, tags: { "a b": "c" } }, "body.tags.a b"],
			[{ eid, tags: { a: 5 } }, "body.tags.a"],
			[{ eid, colour: "red" }, "body.colour"],
			[{ eid, counter: -1 }, "body.counter"],
			[{ eid, dialect: { version: "9", nestedCertificateArms: false } }, "body.dialect.version"],
		];
		for (const [body, field] of cases) {
			const answer = await bench.call("POST", devices, body);
			expect([answer.status, answer.body.code]).toEqual([400, "API_REQUEST_INVALID"]);
			expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field);
		}
		const query = await bench.call("GET", `${devices}?limit=0`);
		expect(query.body.errors[0].field).toBe("query.limit");
		expect((await bench.call("GET", `${devices}?cursor=nonsense`)).body.code).toBe("STORE_CURSOR_INVALID");
	});

	it("pages through devices by cursor", async () => {
		for (let n = 1; n <= 5; n++) {
			await bench.call("POST", devices, { eid: Eid.withCheckDigits(`89049032000000000000000000010${n}`) });
		}
		const seen: string[] = [];
		let next: string | undefined = "";
		for (let pages = 0; next !== undefined && pages < 5; pages++) {
			const page: { items: { eid: string }[]; next?: string } = (
				await bench.call("GET", `${devices}?limit=2${next ? `&cursor=${next}` : ""}`)
			).body;
			seen.push(...page.items.map((item) => item.eid));
			next = page.next;
		}
		expect(seen).toHaveLength(5);
		expect(new Set(seen).size).toBe(5);
	});

	it("accepts unverified results only in a named lab mode, shows it everywhere and logs it", async () => {
		await bench.call("POST", devices, { eid });
		const refused = await bench.call("PATCH", `${devices}/${eid}`, { acceptUnverified: true });
		expect(refused).toMatchObject({ status: 400, body: { code: "DEVICE_LAB_MODE_REQUIRED" } });
		const granted = await bench.call("PATCH", `${devices}/${eid}`, { labMode: "bench-3", acceptUnverified: true });
		expect(granted.body).toMatchObject({ labMode: "bench-3", acceptUnverified: true });
		const { items } = (await bench.call("GET", `${devices}?labMode=true`)).body;
		expect(items).toMatchObject([{ labMode: "bench-3", acceptUnverified: true }]);
		const ordered = await bench.call("POST", operations, { type: "listProfiles" });
		expect(ordered.body.warnings.join()).toContain("bench-3");
		const audit = (await bench.call("GET", `/api/v1/audit?subject=${eid}`)).body.items[0];
		expect(audit).toMatchObject({ action: "device.changed", facts: { acceptUnverified: true, labMode: "bench-3" } });
		expect(bench.entries.some(({ phrase, facts }) => phrase === "lab mode changed" && facts.eid === eid)).toBe(true);
		const left = await bench.call("PATCH", `${devices}/${eid}`, { labMode: null });
		expect(left.body.acceptUnverified).toBe(false);
		expect(left.body).not.toHaveProperty("labMode");
	});

	it("lists EIDs that polled without being registered", async () => {
		await bench.store.noteUnknown(eid, Date.UTC(2026, 0, 1), 10);
		expect((await bench.call("GET", "/api/v1/seen-unknown")).body.items).toEqual([
			{ eid, firstSeenAt: "2026-01-01T00:00:00.000Z", lastSeenAt: "2026-01-01T00:00:00.000Z", times: 1 },
		]);
	});
});

describe("operations", () => {
	beforeEach(async () => {
		await bench.call("POST", devices, { eid });
	});

	it("accepts every type with 202 and shows it as it was ordered", async () => {
		const orders: [object, object][] = [
			[
				{ type: "download", activationCode: "LPA:1$smdp.example.com:8443$ABC-1" },
				{ smdpAddress: "smdp.example.com:8443", matchingId: "ABC-1" },
			],
			[
				{ type: "download", smdpAddress: "smdp.example.com", matchingId: "M", confirmationCode: "1234" },
				{ matchingId: "M", confirmationCode: "***" },
			],
			[
				{ type: "enable", iccid },
				{ iccid, rollback: true },
			],
			[
				{ type: "enable", iccid, rollback: false },
				{ iccid, rollback: false },
			],
			[{ type: "disable", iccid }, { iccid }],
			[{ type: "delete", iccid }, { iccid }],
			[{ type: "listProfiles" }, {}],
			[{ type: "readEuiccData", tags: ["bf22", "A5"] }, { tags: ["BF22", "A5"] }],
		];
		for (const [order, parameters] of orders) {
			const accepted = await bench.call("POST", operations, order);
			expect(accepted).toMatchObject({ status: 202, body: { state: "queued" } });
			const shown = await bench.call("GET", accepted.headers.location as string);
			expect(shown.body).toMatchObject({ id: accepted.body.id, eid, origin: "operator", state: "queued", parameters });
		}
		const { items } = (await bench.call("GET", `/api/v1/operations?eid=${eid}&type=enable,disable&state=queued`)).body;
		expect(items.map(({ type }: { type: string }) => type)).toEqual(["disable", "enable", "enable"]);
	});

	it("names the field of an order that does not fit", async () => {
		const cases: [unknown, string][] = [
			[{}, "body.type"],
			[{ type: "explode" }, "body.type"],
			[{ type: "enable" }, "body.iccid"],
			[{ type: "enable", iccid: "12" }, "body.iccid"],
			[{ type: "enable", iccid, rollback: "yes" }, "body.rollback"],
			[{ type: "disable", iccid, rollback: true }, "body.rollback"],
			[{ type: "download" }, "body.activationCode"],
			[{ type: "download", activationCode: "1$a$b", smdpAddress: "a.example" }, "body.activationCode"],
			[{ type: "download", activationCode: "LPA:1$smdp.example.com$X$$1" }, "body.confirmationCode"],
			[{ type: "download", smdpAddress: "https://smdp.example.com/" }, "body.smdpAddress"],
			[{ type: "readEuiccData", tags: ["xyz"] }, "body.tags.0"],
			[{ type: "listProfiles", expiresIn: 0 }, "body.expiresIn"],
		];
		const unknownState = await bench.call("GET", "/api/v1/operations?state=queued,broken");
		expect(unknownState.body.errors[0].field).toBe("query.state");
		for (const [body, field] of cases) {
			const answer = await bench.call("POST", operations, body);
			expect([body, answer.status]).toEqual([body, 400]);
			expect(answer.body.errors.map((error: { field: string }) => error.field)).toContain(field);
		}
		const code = await bench.call("POST", operations, { type: "download", activationCode: "2$x" });
		expect(code.body).toMatchObject({ code: "ACTIVATION_CODE_INVALID", status: 400 });
		const broken = await bench.api.inject({
			method: "POST",
			url: operations,
			headers: { authorization: `Bearer ${bench.secret}`, "content-type": "application/json" },
			payload: "{",
		});
		expect(broken.json()).toMatchObject({ status: 400, code: "API_BODY_UNREADABLE" });
		expect((await bench.call("GET", `/api/v1/operations?eid=${eid}`)).body.items).toEqual([]);
	});

	it("answers a repeated Idempotency-Key with the first answer, and another body under it with 422", async () => {
		const headers = { "idempotency-key": "order-1" };
		const first = await bench.call("POST", operations, { type: "enable", iccid, rollback: true }, headers);
		const again = await bench.call("POST", operations, { rollback: true, iccid, type: "enable" }, headers);
		expect(again).toMatchObject({ status: 202, body: first.body });
		const other = await bench.call("POST", operations, { type: "disable", iccid }, headers);
		expect(other).toMatchObject({ status: 422, body: { code: "API_IDEMPOTENCY_KEY_REUSED" } });
		expect((await bench.call("GET", "/api/v1/operations")).body.items).toHaveLength(1);
	});

	it("warns of an order that may cut the device off, and accepts it all the same", async () => {
		await bench.store.recordResult({
			result: { eid, bytes: Uint8Array.of(1), verification: "verified", receivedAt: 1 },
			profileChanges: [
				{
					kind: "listed",
					profiles: [{ eid, iccid: iccid as never, state: "enabled", profileClass: "operational", updatedAt: 1 }],
				},
			],
		});
		const warnings = async (order: object) =>
			((await bench.call("POST", operations, order)).body.warnings ?? []).join("\n");
		expect(await warnings({ type: "disable", iccid })).toContain("no way back");
		expect(await warnings({ type: "delete", iccid })).toContain("deletes disabled profiles only");
		expect(await warnings({ type: "enable", iccid: "8949000000000000002" })).toContain(
			"No profile 8949000000000000002",
		);
	});

	it("cancels a queued operation once, and never one that the device has been given", async () => {
		const queued = (await bench.call("POST", operations, { type: "listProfiles" })).body;
		const cancelled = await bench.call("POST", `/api/v1/operations/${queued.id}/cancel`);
		expect(cancelled).toMatchObject({ status: 200, body: { state: "cancelled", reason: "Cancelled by operator." } });
		const sent = (await bench.call("POST", operations, { type: "listProfiles" })).body;
		await bench.store.takeNextPackage({ eid, at: Date.now() }, ({ counter }) => ({
			kind: "euiccPackage",
			bytes: Uint8Array.of(1),
			counter,
			eimTransactionId: "01" as never,
		}));
		const late = await bench.call("POST", `/api/v1/operations/${sent.id}/cancel`);
		expect(late).toMatchObject({ status: 409, body: { code: "OPERATION_ALREADY_SENT", action: expect.any(String) } });
		const unknown = await bench.api.inject({
			method: "POST",
			url: "/api/v1/operations/x/cancel",
			// Named, but nothing is sent.
			headers: { authorization: `Bearer ${bench.secret}`, "content-type": "application/json" },
		});
		expect(unknown.json().code).toBe("API_OPERATION_UNKNOWN");
	});
});

describe("the eIM itself", () => {
	it("gives its configuration for a card as JSON, DER, PEM, QR image and QR text", async () => {
		const url = "/api/v1/eim-configuration";
		const base64 = Buffer.from(CONFIGURATION).toString("base64");
		expect((await bench.call("GET", url)).body).toEqual({ eimId: "eim.example.com", der: base64 });
		const headers = { authorization: `Bearer ${bench.secret}` };
		const der = await bench.api.inject({ url: `${url}?format=der`, headers });
		expect(new Uint8Array(der.rawPayload)).toEqual(CONFIGURATION);
		const pem = (await bench.call("GET", `${url}?format=pem`)).body as string;
		expect(pem).toContain(base64);
		expect(pem).toMatch(/^-----BEGIN EIM CONFIGURATION DATA-----\n/);
		expect((await bench.call("GET", `${url}?format=qr`)).body).toMatch(/^<svg /);
		expect((await bench.call("GET", `${url}?format=qr-text`)).body).toMatch(/^█+\n/);
		expect((await bench.call("GET", `${url}?format=gif`)).body.errors[0].field).toBe("query.format");
	});

	it("says whether it can serve, and counts what it does without naming devices", async () => {
		await bench.call("POST", devices, { eid });
		await bench.call("POST", operations, { type: "listProfiles" });
		expect((await bench.call("GET", "/healthz")).body).toEqual({ ok: true, checks: { database: "ok" } });
		const text = (await bench.call("GET", "/metrics")).body as string;
		expect(text).toContain('eim_operations_open{state="queued"} 1');
		expect(text).toContain('route="/api/v1/devices/:eid/operations",status="202"');
		expect(text).not.toContain(eid);
		await bench.store.close();
		const sick = await bench.api.inject({ url: "/healthz" });
		expect([sick.statusCode, sick.json().ok]).toEqual([503, false]);
	});

	it("answers everything it does not know with a problem and hides what broke inside", async () => {
		expect((await bench.call("GET", "/api/v1/nothing")).body).toMatchObject({ status: 404, code: "API_ROUTE_UNKNOWN" });
		await bench.store.close();
		const { body } = await bench.call("GET", devices);
		expect(body).toMatchObject({ status: 503, code: "STORE_CLOSED", retryable: true });
	});

	it("limits the requests of one address", async () => {
		const limited = await apiBench({ limits: { requestsPerMinute: 3 } });
		const codes: number[] = [];
		for (let i = 0; i < 4; i++) codes.push((await limited.call("GET", devices)).status);
		expect(codes).toEqual([200, 200, 200, 429]);
		expect((await limited.call("GET", devices)).body).toMatchObject({ code: "API_RATE_LIMITED", retryable: true });
		expect((await limited.call("GET", "/healthz")).status).toBe(200);
		await limited.close();
	});
});

function routesOf({ api }: Bench) {
	const document = api.swagger() as { paths: Record<string, Record<string, { security?: unknown[] }>> };
	return Object.entries(document.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, route]) => ({
			method: method.toUpperCase() as "GET",
			path,
			isOpen: route.security?.length === 0,
		})),
	);
}
