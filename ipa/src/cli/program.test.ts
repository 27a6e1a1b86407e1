import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { listenForVpcdReaders } from "@iot-esim/shared/transport/vpcd";
import { hex, toBase64, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { afterEach, describe, expect, it } from "vitest";
import { eimConfiguration, ScriptedCard, TEST_EID } from "../../../test/procedures/ipa-scripted-card.ts";
import type { IpaEvent } from "../procedures/ipa-event.ts";
import { openJournal } from "../state/journal.ts";
import { fileJournalStorage } from "../state/journal-storage.ts";
import { parseEimConfigurationFile } from "./eim-configuration-file.ts";
import { eventText } from "./event-text.ts";
import { ipaProgram } from "./program.ts";
import { journalPath } from "./run.ts";
import { lockState } from "./state-lock.ts";
import { doingNow } from "./status.ts";

const EID = toHex(TEST_EID);
const SAMPLE = new URL("../../../test/vectors/onomondo-ipa/add-initial-eim.ber", import.meta.url).pathname;
const closers: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closers.splice(0).reverse()) await close();
});

function newFolder(): string {
	const folder = mkdtempSync(path.join(tmpdir(), "ipa-cli-"));
	closers.push(() => rmSync(folder, { recursive: true, force: true }));
	return folder;
}

/** A card behind a port, and its address for --card. */
async function cardOnPort(): Promise<{ card: ScriptedCard; address: string }> {
	const card = new ScriptedCard();
	const listener = await listenForVpcdReaders({ host: "127.0.0.1", port: 0 }, () => ({
		powerOn: () => card.reset(),
		powerOff: () => undefined,
		reset: () => card.reset(),
		atr: () => hex`3B9F96801FC78031E073FE2111`,
		transmit: (apdu) => card.transmit(apdu),
	}));
	closers.push(() => listener.close());
	return { card, address: `vpcd://${printHostPort(listener.address)}` };
}

/** Runs the program as a shell would; the lines it printed. */
async function ipa(
	argv: readonly string[],
	signal: AbortSignal = new AbortController().signal,
	onLine?: (line: string) => void,
) {
	const lines: string[] = [];
	const program = ipaProgram({
		clock: systemClock,
		random: systemRandom,
		environment: {},
		logger: () => silentLogger,
		processes: { ownPid: 4711, identityOf: (pid) => (pid === 4711 ? "now" : undefined) },
		signal,
		printLine: (line) => {
			lines.push(line);
			onLine?.(line);
		},
		readFile: (name) => new Uint8Array(readFileSync(name)),
	});
	await program.parseAsync(["node", "ipa", ...argv]);
	return lines.join("\n");
}

describe("ipa card", () => {
	it("info names the card and its eIMs, for people and for programs", async () => {
		const { card, address } = await cardOnPort();
		card.answers.set(0xbf3c, () => tlv(0xbf3c, tlv(0x81, utf8("lpa.ds.gsma.com"))));
		card.answers.set(0xbf22, () => hex`BF2200`);
		const text = await ipa(["card", "info", "--card", address]);
		expect(text).toContain(EID);
		expect(text).toContain("eim.example:8443");
		const json = JSON.parse(await ipa(["card", "info", "--card", address, "--json"]));
		expect(json).toMatchObject({
			eid: EID,
			rootSmdsAddress: "lpa.ds.gsma.com",
			eims: [{ eimId: "eim.example", tlsTrust: "none" }],
		});
	});

	it("profiles lists them with their state", async () => {
		const { address } = await cardOnPort();
		const json = JSON.parse(await ipa(["card", "profiles", "--card", address, "--json"]));
		expect(json.profiles).toEqual([expect.objectContaining({ iccid: "89000000000000000011", state: "enabled" })]);
		expect(await ipa(["card", "profiles", "--card", address])).toMatch(/89000000000000000011.*enabled/);
	});

	it("apdu sends octets as they are, or an ES10 command to the ISD-R", async () => {
		const { card, address } = await cardOnPort();
		expect(await ipa(["card", "apdu", "--card", address, "80AA000005A903830107"])).toBe(
			"> 80AA000005A903830107\n< 9000",
		);
		expect(await ipa(["card", "apdu", "--es10", "--card", address, "BF3E035C015A"])).toContain(`< BF3E125A10${EID}`);
		expect(card.commands).toEqual(["BF3E035C015A"]);
		await expect(ipa(["card", "apdu", "--card", address, "80AA0"])).rejects.toMatchObject({ code: "UTIL_HEX_INVALID" });
		await expect(ipa(["card", "apdu", "--card", address, "80AA"])).rejects.toMatchObject({
			code: "IPA_ARGUMENT_INVALID",
		});
	});

	it("every APDU goes into the file of card.trace, and a file that cannot be written is refused beforehand", async () => {
		const { address } = await cardOnPort();
		const [file, config] = [path.join(newFolder(), "apdus.txt"), path.join(newFolder(), "ipa.yaml")];
		writeFileSync(config, `card: { address: "${address}", trace: "${file}" }`);
		await ipa(["card", "apdu", "--config", config, "80AA000005A903830107"]);
		expect(readFileSync(file, "utf8")).toBe("> 80AA000005A903830107\n< 9000\n");
		writeFileSync(config, `card: { address: "${address}", trace: "${newFolder()}" }`);
		await expect(ipa(["card", "info", "--config", config])).rejects.toMatchObject({
			code: "IPA_SETTING_INVALID",
			message: expect.stringContaining("it is a folder"),
		});
	});

	it("add-eim gives the eIM's octets to the card and tells what came of it", async () => {
		const { card, address } = await cardOnPort();
		card.answers.set(0xbf57, () => hex`BF57 05 A0 03 84 01 07`);
		expect(await ipa(["card", "add-eim", SAMPLE, "--card", address])).toBe(
			"Associated with eIM eIM at 127.0.0.1:8000, association token 7.",
		);
		expect(card.commands).toEqual([toHex(new Uint8Array(readFileSync(SAMPLE)))]);
		card.answers.set(0xbf57, () => hex`BF57 03 81 01 02`);
		await expect(ipa(["card", "add-eim", SAMPLE, "--card", address])).rejects.toThrow("associatedEimAlreadyExists (2)");
	});

	it("needs to be told where the card is", async () => {
		await expect(ipa(["card", "info"])).rejects.toMatchObject({ code: "IPA_CARD_ADDRESS_MISSING" });
		await expect(ipa(["card", "add-eim", "/no/such/file", "--card", "pcsc:"])).rejects.toMatchObject({
			code: "IPA_FILE_INVALID",
		});
	});
});

describe("a file with an eIM configuration", () => {
	const entry = eimConfiguration("eim.example");
	const request = tlv(0xbf57, tlv(0xa0, entry));
	it.each([
		["an AddInitialEimRequest in DER", request],
		["the answer to GetEimConfigurationData", tlv(0xbf55, tlv(0xa0, entry))],
		["a bare entry", entry],
		["hex with line breaks", utf8(toHex(request).replace(/(.{20})/g, "$1\n"))],
		["base64, as in a QR code", utf8(toBase64(request))],
		["PEM", utf8(`-----BEGIN EIM CONFIGURATION-----\n${toBase64(request)}\n-----END EIM CONFIGURATION-----\n`)],
	])("may be %s", (_form, contents) => {
		const file = parseEimConfigurationFile(contents, "file");
		expect(toHex(file.addInitialEimRequest)).toBe(toHex(request));
		expect(file.configurations.map((one) => one.eimId)).toEqual(["eim.example"]);
	});

	it.each([
		["empty", utf8("")],
		["a certificate", utf8("-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----")],
		["an empty list", hex`BF5702A000`],
		["cut off", request.subarray(0, 20)],
	])("is refused when it is %s", (_what, contents) => {
		expect(() => parseEimConfigurationFile(contents, "file")).toThrow("file is not an eIM configuration");
	});
});

describe("ipa run and ipa status", () => {
	it("run prints events as JSON, stops at the signal, and leaves a state that status explains", async () => {
		const { card, address } = await cardOnPort();
		card.eims = [
			tlv(0x30, tlv(0x80, utf8("eim.example")), tlv(0x81, utf8("eim.example")), tlv(0xa6, tlv(0xa0, spki()))),
		];
		const folder = newFolder();
		const file = path.join(folder, "ipa.yaml");
		writeFileSync(file, `card:\n  address: ${address}\nstate:\n  folder: state\nhosts:\n  eim.example: 127.0.0.1:1\n`);
		const stop = new AbortController();
		const lines: string[] = [];
		const output = await ipa(
			["run", "--config", file, "--json-events", "--poll-interval", "2s"],
			stop.signal,
			(line) => {
				lines.push(line);
				if (line.includes('"sleeping"')) stop.abort();
			},
		);
		const types = output.split("\n").map((line) => (JSON.parse(line) as IpaEvent).type);
		expect(types).toEqual(["started", "poll-failed", "sleeping", "stopped"]);
		const status = JSON.parse(await ipa(["status", "--config", file, "--json"]));
		expect(status).toMatchObject({
			running: false,
			eid: EID,
			phase: "idle",
			lastFailure: { reason: expect.stringContaining("127.0.0.1:1") },
		});
		expect(await ipa(["status", "--config", file])).toMatch(/Doing +nothing under way/);
	});

	it("status tells what a power cut has interrupted", async () => {
		const folder = newFolder();
		const journal = await openJournal(fileJournalStorage(journalPath(folder)));
		const facts = {
			eimId: "e",
			packageHash: "AA",
			eimTransactionIdHex: undefined,
			counterValue: 9,
			rollbackGranted: true,
			enablesHex: undefined,
			enabledBeforeHex: undefined,
		};
		await journal.note({ type: "package-received", ...facts });
		expect(await statusOf(folder)).toContain("loading package 9 of eIM e into the card");
		await journal.note({
			type: "package-executed",
			resultHex: "BF51",
			rollback: { state: "armed", deliverBefore: Date.UTC(2026, 0, 1) },
		});
		expect(await statusOf(folder)).toContain(
			"delivering the result of package 9 to eIM e; rollback at 2026-01-01T00:00:00.000Z if that fails",
		);
		expect(doingNow({ phase: "downloading", eimId: "e", step: "ES10b.LoadBoundProfilePackage" })).toContain(
			"LoadBoundProfilePackage",
		);
	});

	it("a wrong setting is named", async () => {
		await expect(ipa(["run", "--card", "pcsc:", "--poll-intervall", "2s"])).rejects.toThrow(
			"did you mean --poll-interval",
		);
	});

	it("a key log is refused where lab mode is not stated, and no file is made", async () => {
		const folder = newFolder();
		const keyLog = path.join(folder, "keys.log");
		const run = ["run", "--card", "vpcd://127.0.0.1:1", "--state-folder", folder, "--coap-key-log", keyLog];
		await expect(ipa(run)).rejects.toThrow("name the bench in coap.labMode");
		expect(existsSync(keyLog)).toBe(false);
	});
});

async function statusOf(folder: string): Promise<string> {
	const file = path.join(folder, "ipa.yaml");
	writeFileSync(file, `state:\n  folder: ${folder}\n`);
	return ipa(["status", "--config", file]);
}

/** A public key on P-256 without its outer tag, as it stands in A6{A0{..}}. */
function spki(): Uint8Array {
	return hex`301306072A8648CE3D020106082A8648CE3D030107 034200
		04 6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
		4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5`;
}

describe("the lock of a state folder", () => {
	it("keeps a second agent out, and lets one in after the first was killed", () => {
		const folder = newFolder();
		const running = new Map([
			[1, "a"],
			[2, "b"],
		]);
		const table = (ownPid: number) => ({ ownPid, identityOf: (pid: number) => running.get(pid) });
		lockState(folder, table(1));
		expect(() => lockState(folder, table(2))).toThrow("process 1 already works");
		running.set(1, "another process with the same number");
		const unlock = lockState(folder, table(2));
		unlock();
		running.delete(1);
		lockState(folder, table(2));
	});

	it("that cannot be made is told in words", () => {
		const file = path.join(newFolder(), "file");
		writeFileSync(file, "");
		expect(() => lockState(path.join(file, "state"), { ownPid: 1, identityOf: () => "a" })).toThrow(
			expect.objectContaining({ code: "IPA_STATE_UNWRITABLE" }),
		);
	});
});

describe("events for people", () => {
	it("are one line each", () => {
		const events: IpaEvent[] = [
			{ type: "started", eid: "89", eimIds: ["e"] },
			{ type: "polled", eimId: "e", outcome: "none" },
			{ type: "package-executed", eimId: "e", counterValue: 3, outcome: "signed-result", results: ["enableResult 0"] },
			{ type: "result-delivered", eimId: "e", acknowledged: [4] },
			{ type: "rollback-finished", eimId: "e", cmdResult: 1 },
			{ type: "profile-installed", eimId: "e", iccid: "89", enabled: false },
			{ type: "sleeping", ms: 5 },
		];
		expect(events.map(eventText)).toEqual([
			"card 89 obeys e",
			"e: nothing to do",
			"e: package 3 executed, signed-result: enableResult 0",
			"e: result delivered, acknowledged 4",
			"e: rollback refused with code 1",
			"e: profile 89 installed",
			undefined,
		]);
	});
});
