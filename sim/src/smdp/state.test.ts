import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { afterEach, describe, expect, it } from "vitest";
import { lockFolder } from "../rsp-server/store/folder-lock.ts";
import { codeOf, get } from "../rsp-server/test/rsp-client.ts";
import { importFile } from "./import-command.ts";
import { nextOrderState, type OrderEvent, type OrderState } from "./orders/order-state.ts";
import { ICCID, profileYaml, SmdpBench } from "./test/bench.ts";

let bench: SmdpBench | undefined;
afterEach(() => {
	bench?.stop();
	bench = undefined;
});

function start(): SmdpBench {
	bench = new SmdpBench();
	return bench;
}

describe("the state on disk", () => {
	it("lets a download go on after the program was killed between any two requests", async () => {
		const smdp = start();
		const upp = smdp.import();
		smdp.restart();
		await smdp.es2plus("downloadOrder", { iccid: ICCID });
		smdp.restart();
		const { matchingId = "" } = await smdp.es2plus("confirmOrder", { iccid: ICCID, releaseFlag: false });
		smdp.restart();
		await smdp.es2plus("releaseProfile", { iccid: ICCID });
		smdp.restart();
		const initiated = await smdp.client.initiate();
		smdp.restart();
		const offer = await smdp.client.authenticate(initiated, { matchingId });
		smdp.restart();
		const oneTimeKey = generateKeyPair("P-256");
		const answer = await smdp.client.getPackage(offer, oneTimeKey);
		expect(smdp.client.open(answer, oneTimeKey)).toEqual(upp);
		smdp.restart();
		const transactionId = offer.transactionId ?? "";
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid: smdp.iccidOctets() }));
		smdp.restart();
		expect(smdp.stateOf()).toBe("installed");
		expect(smdp.smdp.notifications()).toHaveLength(1);
	});

	it("gives the same answer to a request whose answer got lost in the kill", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const initiated = await smdp.client.initiate();
		const authenticateServerResponse = Buffer.from(
			smdp.client.authenticateServerResponse(initiated, { matchingId }),
		).toString("base64");
		const request = { transactionId: initiated.transactionId, authenticateServerResponse };
		const first = await smdp.client.call("authenticateClient", request);
		smdp.restart();
		expect(await smdp.client.call("authenticateClient", request)).toEqual(first);
		const oneTimeKey = generateKeyPair("P-256");
		const bound = await smdp.client.getPackage(first, oneTimeKey);
		smdp.restart();
		const again = await smdp.client.getPackage(first, oneTimeKey);
		expect(smdp.client.open(again, oneTimeKey)).toEqual(smdp.client.open(bound, oneTimeKey));
		expect(smdp.smdp.profiles()[0]?.order?.downloadAttempts).toBe(1);
	});

	it("forgets files and lines that a kill left unfinished, and nothing else", async () => {
		const smdp = start();
		const matchingId = await smdp.order();
		const { transactionId } = await smdp.client.download({ matchingId });
		await smdp.client.notify(smdp.client.installationResult({ transactionId, iccid: smdp.iccidOctets() }));
		writeFileSync(join(smdp.stateFolder, "profiles", `${ICCID}.json.tmp`), '{"iccid":');
		appendFileSync(join(smdp.stateFolder, "notifications.jsonl"), '{"receivedAt":17');
		smdp.restart();
		expect(smdp.stateOf()).toBe("installed");
		expect(smdp.smdp.notifications()).toHaveLength(1);
		expect(readdirSync(join(smdp.stateFolder, "profiles")).filter((name) => name.endsWith(".tmp"))).toEqual([]);
		await smdp.client.notify(smdp.client.otherNotification("notificationEnable", smdp.iccidOctets(), 2));
		smdp.restart();
		expect(smdp.smdp.notifications()).toHaveLength(2);
	});

	it("says which file is damaged", () => {
		const smdp = start();
		smdp.import();
		writeFileSync(join(smdp.stateFolder, "profiles", `${ICCID}.json`), "{");
		expect(() => smdp.restart()).toThrow(expect.objectContaining({ code: "RSP_SERVER_STATE_DAMAGED" }));
	});

	it("keeps no confirmation code in clear", async () => {
		const smdp = start();
		await smdp.order({ confirmationCode: "my-very-secret-code" });
		expect(readFileSync(join(smdp.stateFolder, "profiles", `${ICCID}.json`), "utf8")).not.toContain("secret-code");
	});

	it("belongs to one running program at a time", () => {
		const smdp = start();
		const unlock = lockFolder(smdp.stateFolder, { pid: 1, startedAt: "a" }, () => true);
		const second = { pid: 2, startedAt: "b" };
		expect(() => lockFolder(smdp.stateFolder, second, () => true)).toThrow(/process 1 uses/);
		lockFolder(smdp.stateFolder, second, () => false);
		unlock();
		expect(existsSync(join(smdp.stateFolder, "lock"))).toBe(false);
	});
});

describe("import", () => {
	it("reaches a running program", async () => {
		const smdp = start();
		const file = join(smdp.folder, "profile.yaml");
		writeFileSync(file, profileYaml(ICCID));
		const options = { dir: smdp.stateFolder, address: "smdp.example.com", profileType: "late" };
		importFile(file, options, smdp.clock);
		expect((await smdp.es2plus("downloadOrder", { profileType: "late" })).iccid).toBe(ICCID);
		expect(() => importFile(file, options, smdp.clock)).toThrow(/already in the inventory/);
		expect(() => importFile(`${file}x`, options, smdp.clock)).toThrow(/no file/);
	});

	it("reads what a sidecar says of a package of others, and refuses what it does not know", async () => {
		const smdp = start();
		const upp = smdp.import();
		const iccid = ICCID;
		await smdp.es2plus("cancelOrder", { iccid, finalProfileStatusIndicator: "Unavailable" });
		const second = new SmdpBench();
		try {
			const file = join(second.folder, "profile.der");
			writeFileSync(file, upp);
			writeFileSync(
				`${file}.yaml`,
				"profileName: Named\nserviceProvider: Someone\npolicyRules: [ppr1]\nprofileType: kind\n",
			);
			const options = { dir: second.stateFolder, address: "smdp.example.com" };
			expect(importFile(file, options, second.clock)).toMatchObject({
				iccid,
				profileType: "kind",
				imsi: "001010000000001",
			});
			second.restart();
			const shown = await get(second.smdp.handleBench, `/bench/v1/profiles/${iccid}`);
			expect(JSON.parse(shown.text)).toMatchObject({ iccid, state: "available", imsi: "001010000000001" });
			writeFileSync(`${file}.yaml`, "colour: red\n");
			expect(() => importFile(file, options, second.clock)).toThrow(/"colour"/);
		} finally {
			second.stop();
		}
	});

	it("refuses what is no profile package", () => {
		const smdp = start();
		const file = join(smdp.folder, "profile.der");
		writeFileSync(file, "no profile");
		const options = { dir: smdp.stateFolder, address: "smdp.example.com" };
		expect(() => importFile(file, options, smdp.clock)).toThrow(
			expect.objectContaining({ code: "PROFILE_PACKAGE_INVALID" }),
		);
		expect(smdp.smdp.profiles()).toEqual([]);
	});
});

describe("the bench face", () => {
	it("lists profiles with what a bench needs, gives their packages, and shows notifications", async () => {
		const smdp = start();
		const upp = smdp.import();
		await smdp.es2plus("downloadOrder", { iccid: ICCID, eid: smdp.pki.eid });
		await smdp.es2plus("confirmOrder", { iccid: ICCID, matchingId: "M-1", releaseFlag: true });
		const list = JSON.parse((await get(smdp.smdp.handleBench, "/bench/v1/profiles")).text);
		expect(list).toMatchObject([
			{ iccid: ICCID, state: "released", matchingId: "M-1", eid: smdp.pki.eid, imsi: "001010000000001" },
		]);
		expect(JSON.stringify(list)).not.toMatch(/000102030405/);
		expect((await get(smdp.smdp.handleBench, `/bench/v1/profiles/${ICCID}/upp`)).bytes).toEqual(upp);
		expect((await get(smdp.smdp.handleBench, "/bench/v1/profiles/8900101000000000026/upp")).status).toBe(404);
		expect((await get(smdp.smdp.handleBench, "/bench/v1/profiles/..%2f..%2fx/upp")).status).toBe(404);
		expect((await get(smdp.smdp.handleBench, "/bench/v1/profiles/8900101000000000026")).status).toBe(404);
		expect(JSON.parse((await get(smdp.smdp.handleBench, "/bench/v1/notifications")).text)).toEqual([]);
		expect((await get(smdp.smdp.handleBench, "/healthz")).text).toContain('"status":"ok"');
		expect((await get(smdp.smdp.handleBench, "/bench/v1/nothing")).status).toBe(404);
	});

	it("is not to be reached from the network", async () => {
		const smdp = start();
		smdp.import();
		expect((await get(smdp.smdp.handle, "/bench/v1/profiles")).status).toBe(404);
		expect(codeOf(await smdp.es2plus("downloadOrder", { iccid: ICCID }))).toBe("ok");
	});
});

describe("order states", () => {
	const events: readonly OrderEvent[] = [
		{ event: "ordered", hasEid: false },
		{ event: "confirmed", isReleased: false },
		{ event: "released" },
		{ event: "cancelled", finalState: "available" },
		{ event: "downloaded" },
		{ event: "installed" },
		{ event: "interrupted" },
		{ event: "failed" },
	];
	const possible = (state: OrderState) =>
		Object.fromEntries(
			events.flatMap((event) => {
				const next = nextOrderState(state, event);
				return next === undefined ? [] : [[event.event, next]];
			}),
		);

	it("follow section 3.1.6 of SGP.22", () => {
		expect(possible("available")).toEqual({ ordered: "allocated", cancelled: "available" });
		expect(possible("allocated")).toEqual({ confirmed: "confirmed", cancelled: "available" });
		expect(possible("linked")).toEqual({ confirmed: "confirmed", cancelled: "available" });
		expect(possible("confirmed")).toEqual({ released: "released", cancelled: "available" });
		expect(possible("released")).toEqual({
			cancelled: "available",
			downloaded: "downloaded",
			installed: "installed",
			failed: "error",
		});
		expect(possible("downloaded")).toEqual({
			downloaded: "downloaded",
			installed: "installed",
			interrupted: "released",
			failed: "error",
		});
		expect(possible("installed")).toEqual({});
		expect(possible("error")).toEqual({ cancelled: "available", installed: "installed" });
		expect(possible("unavailable")).toEqual({});
	});
});
