import { generateKeyPairSync } from "node:crypto";
import type * as fs from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { afterAll, describe, expect, it, vi } from "vitest";
import { makeCa } from "../../../test/contract/dtls-bench.ts";
import { FakeClock } from "../../../test/support/fake-clock.ts";
import { SeededRandom } from "../../../test/support/seeded-random.ts";
import { ipaConfig } from "../config.ts";
import { RenewedIdentity } from "./device-identity.ts";
import { linkMaker } from "./eim-transports.ts";

const rights = vi.hoisted(() => ({ areMissing: false }));
vi.mock("node:fs", async (original) => {
	const real = await original<typeof fs>();
	const readFileSync = (...given: Parameters<typeof fs.readFileSync>) => {
		if (rights.areMissing) throw Object.assign(new Error("permission denied"), { code: "EACCES" });
		return real.readFileSync(...given);
	};
	return { ...real, readFileSync };
});

const folder = mkdtempSync(path.join(tmpdir(), "device-identity-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, contents: string): string {
	const whole = path.join(folder, name);
	writeFileSync(whole, contents);
	return whole;
}

const ca = makeCa();
const [device, other] = [ca.issue("device"), ca.issue("other")];
const certificate = file("device.pem", device.certificate);
const key = file("device.key", device.key);

describe.each(["coap", "coaps+tcp", "mqtt"])("the device's certificate for %s", (transport) => {
	const link = transport === "mqtt" ? "mqtt" : "coap";
	const start = (settings: Readonly<Record<string, string>>) => {
		const flags = Object.entries(settings).flatMap(([name, value]) => [`--${link}-${name}`, value]);
		const config = readConfig(ipaConfig, { flags: ["--eim-transport", transport, ...flags] });
		const effects = { clock: new FakeClock(), random: new SeededRandom(1), fallbackCa: [] };
		return () => linkMaker(config, { ...effects, logger: memoryLogger().logger });
	};

	it("is read at the start, and what is wrong with its files is said with setting, file and cause", () => {
		expect(start({ certificate, key })).not.toThrow();
		const encrypted = generateKeyPairSync("ec", {
			namedCurve: "P-256",
			publicKeyEncoding: { type: "spki", format: "pem" },
			privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" },
		}).privateKey;
		const wrong: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
			[{ certificate }, `${link}.certificate and ${link}.key: only one of them is configured`],
			[{ key }, `${link}.certificate and ${link}.key: only one of them is configured`],
			[{ certificate: "/no/such.pem", key }, `${link}.certificate /no/such.pem cannot be read: there is no such file`],
			[{ certificate, key: "/no/such.key" }, `${link}.key /no/such.key cannot be read: there is no such file`],
			[{ certificate: key, key }, `${link}.certificate ${key} cannot be read: the file holds no certificate`],
			[{ certificate, key: certificate }, `${link}.key ${certificate} cannot be read: it holds no private key`],
			[{ certificate, key: file("encrypted.key", encrypted) }, "cannot be read: it is encrypted"],
			[
				{ certificate, key: file("other.key", other.key) },
				`other.key is not the private key of the first certificate in ${certificate}`,
			],
		];
		for (const [settings, message] of wrong) {
			expect(start(settings)).toThrow(expect.objectContaining({ code: "IPA_FILE_INVALID" }));
			expect(start(settings)).toThrow(message);
		}
	});
});

describe("a device's certificate that is renewed while the agent runs", () => {
	it("is read again when it has changed; while its files do not fit, the former one goes on", () => {
		const files = { link: "coap", certificate: file("own.pem", device.certificate), key: file("own.key", device.key) };
		const { logger, entries } = memoryLogger();
		const identity = new RenewedIdentity(files, logger("ipa.coap"));
		const first = identity.current();
		expect(first.certificate).toBe(device.certificate);
		expect(identity.current()).toBe(first);
		// The moment between the two files.
		file("own.pem", `${other.certificate}${ca.pem}`);
		expect(identity.current()).toBe(first);
		file("own.key", other.key);
		const second = identity.current();
		expect(second.certificate).toBe(`${other.certificate}${ca.pem}`);
		expect(second.key).toBe(other.key);
		expect(identity.current()).toBe(second);
		rmSync(files.key);
		expect(identity.current()).toBe(second);
		expect(entries.map(({ level }) => level)).toEqual(["error", "info", "error"]);
	});

	it("is read as soon as it can be when it could not for a while, without another change; the trouble is said once", () => {
		const files = {
			link: "coap",
			certificate: file("late.pem", device.certificate),
			key: file("late.key", device.key),
		};
		const { logger, entries } = memoryLogger();
		const identity = new RenewedIdentity(files, logger("ipa.coap"));
		const first = identity.current();
		file("late.pem", other.certificate);
		file("late.key", other.key);
		rights.areMissing = true;
		expect([identity.current(), identity.current()]).toEqual([first, first]);
		rights.areMissing = false;
		expect(identity.current().key).toBe(other.key);
		expect(entries.map(({ level }) => level)).toEqual(["error", "info"]);
	});
});
