import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { toBase64, utf8 } from "@iot-esim/shared/util/bytes";
import { afterAll, expect, it } from "vitest";
import { RawKeyFile } from "./raw-key-file.ts";

const folder = mkdtempSync(path.join(tmpdir(), "eim-raw-keys-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, "keys.txt");
const { logger, entries } = memoryLogger();

const EID = "89049032123451234512345678901235";
const newKey = () => {
	const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
	return new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
};
const [one, gateway, stranger] = [newKey(), newKey(), newKey()];

it("says whose a key is, and whose a new one as soon as it is in the file; a broken file changes nothing", () => {
	writeFileSync(file, `# fleet 1\n\nurn:eid:${EID}: ${toBase64(one)}\r\n`);
	const keys = new RawKeyFile(file, logger("test"));
	expect([one, gateway].map((key) => [keys.knows(key), keys.eidOf(key)])).toEqual([
		[true, EID],
		[false, undefined],
	]);
	writeFileSync(file, `${EID}:${toBase64(one)}\ngateway-17:${toBase64(gateway)}\n`);
	expect([one, gateway, stranger].map((key) => [keys.knows(key), keys.eidOf(key)])).toEqual([
		[true, EID],
		[true, undefined],
		[false, undefined],
	]);
	writeFileSync(file, `${EID}:${toBase64(stranger)}\nno key here\n`);
	expect([one, stranger].map((key) => keys.knows(key))).toEqual([true, false]);
	expect(entries.map(({ level }) => level)).toEqual(["info", "error"]);
});

it("names the line that is wrong: without a key, with another kind of key, with the key of another one", () => {
	const { publicKey } = generateKeyPairSync("ed25519");
	const edwards = toBase64(publicKey.export({ format: "der", type: "spki" }));
	for (const wrong of ["no key here", `${EID}:${toBase64(utf8("nothing"))}`, `${EID}:${edwards}`]) {
		writeFileSync(file, `gateway-17:${toBase64(gateway)}\n${wrong}\n`);
		expect(() => new RawKeyFile(file, logger("test"))).toThrow(/coap\.rawKeyFile .*line 2: not an identity, a colon/);
	}
	writeFileSync(file, `gateway-17:${toBase64(gateway)}\n${EID}:${toBase64(gateway)}\n`);
	expect(() => new RawKeyFile(file, logger("test"))).toThrow(/line 2: gateway-17 has the same key/);
	writeFileSync(file, `${EID.slice(0, -1)}6:${toBase64(gateway)}\n`);
	expect(() => new RawKeyFile(file, logger("test"))).toThrow(/line 1: 89\d+6 is no EID: its check digits are wrong/);
	expect(() => new RawKeyFile(path.join(folder, "none"), logger("test"))).toThrow(/coap\.rawKeyFile .* cannot be read/);
});
