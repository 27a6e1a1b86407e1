import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Eid } from "@iot-esim/shared/ids/eid";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { toBase64, utf8 } from "@iot-esim/shared/util/bytes";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { apiBench, CONFIGURATION } from "../../../test/support/api-bench.ts";
import { otherEim as otherEimOf } from "../../../test/support/eims.ts";
import { hashOfApiKey } from "../domain/api-key.ts";
import { openStore } from "../storage/open-store.ts";
import { apiClient, type Fetch } from "./api-client.ts";
import { runCli } from "./program.ts";

const eid = Eid.withCheckDigits("890490320000000000000000000001");
const iccid = "8949000000000000001";
let bench: Awaited<ReturnType<typeof apiBench>>;
beforeEach(async () => {
	bench = await apiBench();
});
afterEach(async () => {
	await bench.close();
});

/** Requests of the command line straight into the API, without a socket. */
const inject: Fetch = async (url, init) => {
	const { pathname, search } = new URL(url);
	const response = await bench.api.inject({
		method: init.method as "GET",
		url: pathname + search,
		headers: init.headers as Record<string, string>,
		...(init.body === undefined ? {} : { payload: init.body as string }),
	});
	return new Response(response.statusCode === 204 ? null : new Uint8Array(response.rawPayload), {
		status: response.statusCode,
	});
};

const otherEim = otherEimOf("other.example.com");
const FILES: Readonly<Record<string, Uint8Array>> = {
	"other.der": otherEim.given(),
	"other.json": utf8(JSON.stringify({ eimId: "other.example.com", der: toBase64(otherEim.given()) })),
};

interface Run {
	code: number;
	out: string;
	err: string;
	octets: Uint8Array;
}

async function eim(
	line: string | readonly string[],
	given: { fetch?: Fetch; environment?: Record<string, string>; pause?: () => Promise<void>; columns?: number } = {},
) {
	const run: Run = { code: -1, out: "", err: "", octets: new Uint8Array() };
	const pause = given.pause ?? (async () => undefined);
	run.code = await runCli(typeof line === "string" ? line.split(" ") : line, {
		client: ({ url, apiKey }) => apiClient({ url, apiKey, fetch: given.fetch ?? inject, pause }),
		print: (text) => {
			run.out += `${text}\n`;
		},
		printOctets: (octets) => {
			run.octets = octets;
		},
		note: (text) => {
			run.err += `${text}\n`;
		},
		random: systemRandom,
		readFile: (file) => FILES[file] ?? new Uint8Array(),
		columns: given.columns,
		environment: given.environment ?? { EIM_API_KEY: bench.secret },
		now: () => Date.now(),
		pause,
		signal: new AbortController().signal,
		serve: async (flags) => (flags.join(" ") === "--config x.yaml --api-port 0" ? 0 : 7),
	});
	return run;
}

describe("devices", () => {
	it("are added, listed, shown, changed and removed", async () => {
		expect(await eim(`device add ${eid} --name pump --tag site=north line=2`)).toMatchObject({
			code: 0,
			out: `registered ${eid} (pump)\n`,
		});
		const list = await eim("device list --tag site=north");
		expect(list.out).toMatch(new RegExp(`EID .*NAME .*LAST POLL.*\n.*${eid}.*pump.*never.*site=north line=2`));
		await eim(`device update ${eid} --name well --lab-mode bench-1 --accept-unverified`);
		const shown = await eim(`device show ${eid}`);
		expect(shown.out).toContain("bench-1 (ACCEPTS UNVERIFIED RESULTS)");
		expect(shown.out).toContain("no profiles known");
		expect((await eim("device list --lab")).out).toContain("well");
		expect(shown.out).toContain("SGP.32 v1.2 (assumed)");
		await eim(`device update ${eid} --no-lab-mode --no-tags --sgp32-version 1.0 --nested-certificate-arms`);
		expect((await eim(`device show ${eid}`)).out).toContain("SGP.32 v1.0 (set), nested certificate arms");
		expect(JSON.parse((await eim(`device show ${eid} --json`)).out)).toMatchObject({
			tags: {},
			acceptUnverified: false,
		});
		expect(await eim(`device remove ${eid}`)).toMatchObject({ code: 2, err: expect.stringContaining("--yes") });
		expect(await eim(`device remove ${eid} --yes`)).toMatchObject({ code: 0, out: `removed ${eid}\n` });
		expect((await eim("device list")).out).toBe("no devices\n");
	});

	it("are blocks of lines where the terminal is too narrow for a table", async () => {
		await eim(`device add ${eid} --name ${"n".repeat(40)}`);
		expect((await eim("device list", { columns: 120 })).out).toMatch(/^EID .*NAME .*\n.*n{40}/);
		expect((await eim("device list", { columns: 80 })).out).toMatch(
			new RegExp(`^EID +${eid}\nNAME +n{40}\nLAST POLL +never\n$`),
		);
	});

	it("have an address that packages are brought to, taken away by an empty one, and are told what follows", async () => {
		await eim(`device add ${eid} --name pump`);
		const update = async (...options: string[]) => eim(["device", "update", eid, ...options]);
		const brought = `changed ${eid} (pump): packages are brought to coaps://10.7.0.21 (asn1)\n`;
		const polls = `changed ${eid} (pump): nothing is brought to it, it has to poll\n`;
		for (const none of [["--inject-url", ""], ["--inject-url="], ["--no-inject-url"]]) {
			expect((await update("--inject-url", "coaps://10.7.0.21")).out).toBe(brought);
			expect(await update(...none)).toMatchObject({ code: 0, out: polls });
			expect((await bench.store.loadDevice(eid))?.inject).toBeUndefined();
		}
		expect((await update("--inject-url", "", "--inject-certificate", "x.pem")).err).toContain("needs --inject-url");
		expect((await update("--name", "pump 2")).out).toBe(`changed ${eid} (pump 2)\n`);
	});

	it("that polled without being registered are listed", async () => {
		await bench.store.noteUnknown(eid, Date.now(), 5);
		expect((await eim("device unknown")).out).toContain(eid);
	});
});

describe("operations", () => {
	beforeEach(async () => {
		await eim(`device add ${eid}`);
	});

	it("are ordered with all their parameters, and told to be queued, not done", async () => {
		const lines = [
			[`download ${eid} --activation-code LPA:1$smdp.example.com$A-1`, { type: "download" }],
			[
				`download ${eid} --smdp smdp.example.com --matching-id B --confirmation-code 12`,
				{ parameters: { matchingId: "B" } },
			],
			[`enable ${eid} ${iccid}`, { parameters: { iccid, rollback: true } }],
			[`enable ${eid} ${iccid} --no-rollback`, { parameters: { rollback: false } }],
			[`disable ${eid} ${iccid}`, { type: "disable" }],
			[`delete ${eid} ${iccid}`, { type: "delete" }],
			[`list-profiles ${eid}`, { type: "listProfiles" }],
			[`list-profiles ${eid} --class test --tags 5a 9F70`, { parameters: { search: { profileClass: "test" } } }],
			[`get-rat ${eid}`, { type: "getRat" }],
			[
				`configure-immediate-enable ${eid} --smdp a.example`,
				{ parameters: { isAllowed: true, smdpAddress: "a.example" } },
			],
			[`configure-immediate-enable ${eid} --deny`, { parameters: { isAllowed: false } }],
			[`set-fallback-attribute ${eid} ${iccid}`, { type: "setFallbackAttribute", parameters: { iccid } }],
			[`unset-fallback-attribute ${eid}`, { type: "unsetFallbackAttribute" }],
			[`set-default-dp-address ${eid} smdp.example.com`, { parameters: { smdpAddress: "smdp.example.com" } }],
			[`set-default-dp-address ${eid} --none`, { parameters: { smdpAddress: "" } }],
			[`add-eim ${eid} other.der`, { type: "addEim", parameters: { eimId: "other.example.com" } }],
			[`update-eim ${eid} --configuration other.json`, { parameters: { eimId: "other.example.com" } }],
			[`update-eim ${eid}`, { type: "updateEim", parameters: {} }],
			[`delete-eim ${eid} other.example.com`, { parameters: { eimId: "other.example.com" } }],
			[`list-eims ${eid}`, { type: "listEims" }],
			[`read-euicc-data ${eid} --tags BF20 A5`, { parameters: { tags: ["BF20", "A5"] } }],
		] as const;
		for (const [line, expected] of lines) {
			const created = await eim(`operation create ${line} --json`);
			expect([line, created.code]).toEqual([line, 0]);
			const { id } = JSON.parse(created.out);
			expect(JSON.parse((await eim(`operation show ${id} --json`)).out)).toMatchObject(expected);
		}
		const text = await eim(`operation create list-profiles ${eid}`);
		expect(text.out).toContain("carried out when the device polls");
		expect(text.err).toContain("warning: The device has never polled");
		expect((await eim("operation list --type list-profiles")).out).toContain("listProfiles");
		expect((await eim("operation list --type enable")).out.match(/enable/g)).toHaveLength(2);
	});

	it("go together in one package, and are refused with the rule that they break before anything is queued", async () => {
		await eim(`device add ${eid}`);
		const create = ["operation", "create", "euicc-package", eid];
		const both = ["--command", `disable ${iccid}`, "--command", `enable ${iccid} --no-rollback`];
		const { id } = JSON.parse((await eim([...create, ...both, "--json"])).out);
		expect(JSON.parse((await eim(`operation show ${id} --json`)).out)).toMatchObject({
			type: "euiccPackage",
			parameters: { commands: [{ type: "disable" }, { type: "enable", parameters: { rollback: false } }] },
		});
		const late = await eim([...create, "--command", `enable ${iccid}`, "--command", "list-profiles"]);
		expect(late).toMatchObject({
			code: 4,
			err: expect.stringContaining("commands[1] (listProfiles): a list cannot follow"),
		});
		const unknown = await eim([...create, "--command", "explode"]);
		expect(unknown).toMatchObject({ code: 2, err: expect.stringContaining("explode") });
		expect(JSON.parse((await eim("operation list --json")).out).items).toHaveLength(1);
		await bench.store.moveOperation(id, { kind: "packageStored", at: 5 });
		const outcome = {
			commands: [
				{ type: "disable", state: "succeeded" },
				{ type: "enable", state: "failed", code: "enable: x(1)" },
			],
		};
		await bench.store.moveOperation(id, { kind: "failed", at: 6, reason: { text: "No." }, outcome });
		expect((await eim(`operation show ${id}`)).out).toMatch(/2 +enable +failed +code=enable: x\(1\)/);
	});

	it("are ordered once under one idempotency key", async () => {
		const line = `operation create list-profiles ${eid} --json --idempotency-key k1`;
		expect((await eim(line)).out).toBe((await eim(line)).out);
	});

	it("are waited for, with each state told once and the end as exit code", async () => {
		let looks = 0;
		const pause = async () => {
			const [operation] = (await bench.store.listOperations({ limit: 1 })).items;
			if (!operation) throw new Error("no operation");
			looks++;
			if (looks === 2) {
				await bench.store.takeNextPackage({ eid, at: Date.now() }, ({ counter }) => ({
					kind: "euiccPackage",
					bytes: Uint8Array.of(1),
					counter,
					eimTransactionId: "01" as never,
				}));
			}
			const reason = { text: "The profile is not there.", code: "enable: iccidOrAidNotFound(1)" };
			if (looks === 4) await bench.store.moveOperation(operation.id, { kind: "failed", at: Date.now(), reason });
		};
		const run = await eim(`operation create enable ${eid} ${iccid} --wait`, { pause });
		expect(run.code).toBe(1);
		expect(run.err.match(/ s {2}\S+/g)?.map((line) => line.slice(4).replace(":", ""))).toEqual([
			"queued",
			"sent",
			"failed",
		]);
		expect(run.err).toContain("enable has failed: The profile is not there. [enable: iccidOrAidNotFound(1)]");
		const done = await eim(`operation create list-profiles ${eid} --wait --json`, {
			pause: async () => {
				const [operation] = (await bench.store.listOperations({ limit: 1 })).items;
				await bench.store.takeNextPackage({ eid, at: Date.now() }, ({ counter }) => ({
					kind: "euiccPackage",
					bytes: Uint8Array.of(1),
					counter,
					eimTransactionId: "02" as never,
				}));
				await bench.store.moveOperation(operation?.id ?? "", { kind: "succeeded", at: Date.now() });
			},
		});
		expect([done.code, JSON.parse(done.out).state]).toEqual([0, "succeeded"]);
		const late = await eim(`operation create list-profiles ${eid} --wait --timeout 0`);
		expect(late).toMatchObject({ code: 1, err: expect.stringContaining("still queued after 0 s; it goes on") });
	});

	it("are waited for with each failure to bring them to the device", async () => {
		await bench.call("PATCH", `/api/v1/devices/${eid}`, { inject: { url: "coaps://10.7.0.21" } });
		let looks = 0;
		const pause = async () => {
			looks++;
			if (looks % 2 === 0) return;
			const now = Date.now();
			const [job] = await bench.store.claimDueJobs(1, now, now + 1000, ["packageInjection"]);
			await bench.store.postponeJob(job?.id ?? "", `no answer ${looks}`, now, now, job?.leasedUntil);
			const [operation] = (await bench.store.listOperations({ limit: 1 })).items;
			if (looks > 4) await bench.store.moveOperation(operation?.id ?? "", { kind: "expired", at: now });
		};
		const { err } = await eim(`operation create list-profiles ${eid} --wait`, { pause });
		expect(err.match(/failed.*?: no answer \d/g)).toEqual(["failed: no answer 1", "failed (2 tries): no answer 3"]);
	});

	it("are cancelled", async () => {
		const { id } = JSON.parse((await eim(`operation create list-profiles ${eid} --json`)).out);
		expect((await eim(`operation cancel ${id}`)).out).toBe(`${id} is cancelled\n`);
		expect(await eim(`operation cancel ${id}x`)).toMatchObject({
			code: 4,
			err: expect.stringContaining("API_OPERATION_UNKNOWN"),
		});
	});
});

describe("the eIM", () => {
	it("gives its configuration for a card to a file or a terminal", async () => {
		expect((await eim("configuration --format der")).octets).toEqual(CONFIGURATION);
		expect(new TextDecoder().decode((await eim("configuration")).octets)).toContain("BEGIN EIM CONFIGURATION DATA");
		expect(new TextDecoder().decode((await eim("configuration --format qr")).octets)).toContain("█");
		expect((await eim("configuration --format gif")).code).toBe(2);
	});

	it("makes, lists and revokes API keys", async () => {
		const key = (await eim("api-key create ci --read-only")).out.trim();
		expect(key).toMatch(/^eim_/);
		const list = await eim("api-key list", { environment: { EIM_API_KEY: key } });
		expect(list.out).toMatch(/ci .*read/);
		const { items } = JSON.parse((await eim("api-key list --json")).out);
		const { id } = items.find(({ name }: { name: string }) => name === "ci");
		expect((await eim(`api-key revoke ${id}`)).out).toBe(`revoked ${id}\n`);
		expect((await eim("api-key list", { environment: { EIM_API_KEY: key } })).code).toBe(4);
	});

	it("shows events and the audit", async () => {
		await eim(`device add ${eid}`);
		expect((await eim("events")).out).toContain("deviceRegistered");
		expect(await eim("events --types deviceChanged")).toMatchObject({ code: 0, out: "", err: "no events\n" });
		expect((await eim("events --limit 1")).err).toMatch(/^more: --after \d+\n$/);
		expect((await eim(`audit --subject ${eid}`)).out).toMatch(/operator.*device.registered/);
	});

	it("prints a template of its settings and runs the server with what follows", async () => {
		const template = (await eim("config template")).out;
		expect(template).toContain("esipa:");
		expect(template).toContain("8443");
		expect((await eim("serve --config x.yaml --api-port 0")).code).toBe(0);
		expect((await eim("serve --nothing")).code).toBe(1);
	});
});

describe("admin commands", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(path.join(tmpdir(), "eim-admin-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));

	it("make a key and a backup of a data folder without a server", async () => {
		const data = path.join(folder, "data");
		mkdirSync(path.join(data, "trust"), { recursive: true });
		writeFileSync(path.join(data, "signing-key.pem"), "key");
		const flags = `--data-folder ${data}`;
		expect(await eim(`admin migrate ${flags}`)).toMatchObject({ code: 0, out: "the database is up to date\n" });
		const key = (await eim(`admin create-api-key rescue ${flags}`)).out.trim();
		const copy = path.join(folder, "copy");
		expect((await eim(`admin backup ${copy} ${flags}`)).out).toBe("signing-key.pem\ntrust\neim.db\n");
		expect(await eim(`admin backup ${copy} ${flags}`)).toMatchObject({
			code: 2,
			err: expect.stringContaining("STORE_BACKUP_FOLDER_USED"),
		});
		const restored = await openStore({ file: path.join(copy, "eim.db") });
		expect(await restored.findApiKey(hashOfApiKey(key))).toMatchObject({ name: "rescue" });
		await restored.close();
	});

	it("say which setting is wrong", async () => {
		expect(await eim(`admin migrate --data-folder ${folder} --api-port x`)).toMatchObject({
			code: 2,
			err: expect.stringContaining("api.port"),
		});
	});
});

describe("a command that cannot be carried out", () => {
	it("says by its exit code and in words what is wrong", async () => {
		expect(await eim("device list", { environment: {} })).toMatchObject({
			code: 2,
			err: expect.stringContaining("EIM_API_KEY"),
		});
		const refusing: Fetch = async () => {
			throw Object.assign(new TypeError("fetch failed"), { cause: new Error("connect ECONNREFUSED") });
		};
		expect(await eim("device list", { fetch: refusing })).toMatchObject({
			code: 3,
			err: expect.stringContaining("http://127.0.0.1:8080 does not answer: connect ECONNREFUSED"),
		});
		const untrusted: Fetch = async () => {
			const cause = Object.assign(new Error("self-signed certificate"), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
			throw Object.assign(new TypeError("fetch failed"), { cause });
		};
		expect((await eim("device list", { fetch: untrusted })).err).toContain("NODE_EXTRA_CA_CERTS");
		const wrong = await eim("device add 8904");
		expect(wrong.code).toBe(2);
		expect(wrong.err).toMatch(/^eim: eid: .*--help/s);
		expect(await eim(`operation create download ${eid}`)).toMatchObject({
			code: 2,
			err: expect.stringContaining("--activation-code, --smdp with --matching-id, --default-smdp or --smds"),
		});
		expect(await eim(`device update ${eid}`)).toMatchObject({
			code: 2,
			err: expect.stringContaining("what to change"),
		});
		expect((await eim(`device update ${eid} --sgp32-version 9`)).code).toBe(2);
		const errorOf = async (url: string) => (await eim(`device update ${eid} --inject-url ${url}`)).err;
		expect(await errorOf("coap://10.7.0.21:1")).toContain("https://host[:443], coaps://host[:5684], mqtt: or lwm2m:");
		expect(await errorOf("https://10.7.0.21")).toContain("needs --inject-certificate");
		expect(await eim("device list --url localhost:8080")).toMatchObject({
			code: 2,
			err: expect.stringContaining('"localhost:8080" is not the address of an API'),
		});
		expect((await eim(`device show ${eid}`)).err).toContain("device add EID");
		expect((await eim("device explode")).code).toBe(2);
		expect((await eim("device add")).code).toBe(2);
		expect((await eim("device list --limit many")).code).toBe(2);
		expect(await eim("--help")).toMatchObject({ code: 0, out: expect.stringContaining("Exit codes: 0 done") });
		const help = (await eim("operation create enable --help")).out;
		expect(help.indexOf("--no-rollback")).toBeGreaterThan(0);
		expect(help.indexOf("--no-rollback"), "what is special stands first").toBeLessThan(help.indexOf("--json"));
	});
});
