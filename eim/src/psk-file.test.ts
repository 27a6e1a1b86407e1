import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Eid } from "@iot-esim/shared/ids/eid";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { hex } from "@iot-esim/shared/util/bytes";
import { afterAll, expect, it } from "vitest";
import { PskFile } from "./psk-file.ts";

const folder = mkdtempSync(path.join(tmpdir(), "eim-psk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = path.join(folder, "keys.txt");
const { logger, entries } = memoryLogger();

it("gives the key of an identity, and of a new one as soon as it is in the file; a broken file changes nothing", () => {
	writeFileSync(file, "# fleet 1\n\n89049032000000000000000000000001: 00112233\r\nsensor-7:AABBCCDD\n");
	const keys = new PskFile(file, logger("test"));
	expect(keys.keyOf("89049032000000000000000000000001")).toEqual(hex`00112233`);
	expect(keys.keyOf("sensor-7")).toEqual(hex`AABBCCDD`);
	expect(keys.keyOf("sensor-8")).toBeUndefined();
	writeFileSync(file, "sensor-8:0102030405\n");
	expect(keys.keyOf("sensor-8")).toEqual(hex`0102030405`);
	expect(keys.keyOf("sensor-7")).toBeUndefined();
	writeFileSync(file, "sensor-8:0102030405\nno key here\n");
	expect(keys.keyOf("sensor-8")).toEqual(hex`0102030405`);
	rmSync(file);
	expect(keys.keyOf("sensor-8")).toEqual(hex`0102030405`);
});

it("says once that the file is gone, however many devices come, and again when it has gone again", () => {
	const lost = path.join(folder, "lost.txt");
	writeFileSync(lost, "sensor-7:00112233\n");
	const { logger, entries } = memoryLogger();
	const keys = new PskFile(lost, logger("test"));
	const ask = () => Array.from({ length: 5 }, () => keys.keyOf("sensor-7"));
	rmSync(lost);
	ask();
	expect(entries).toMatchObject([{ level: "error", facts: { error: { code: "EIM_FILE_UNREADABLE" } } }]);
	writeFileSync(lost, "sensor-7:AABBCCDD\n");
	ask();
	rmSync(lost);
	ask();
	expect(entries.map(({ level }) => level)).toEqual(["error", "info", "error"]);
});

it("gives the key of a device under the identity that says its EID, the bare EID first", () => {
	const eid = Eid("89049032123451234512345678901235");
	writeFileSync(file, `sensor-7:00112233\nurn:eid:${eid}:AABBCCDD\n`);
	const keys = new PskFile(file, logger("test"));
	expect(keys.keyOfDevice(eid)).toEqual({ identity: `urn:eid:${eid}`, key: hex`AABBCCDD` });
	writeFileSync(file, `${eid}:01020304\nurn:dev:ops:0012AB-METER-${eid}:AABBCCDD\n`);
	expect(keys.keyOfDevice(eid)).toEqual({ identity: eid, key: hex`01020304` });
	writeFileSync(file, "sensor-7:00112233\n");
	expect(keys.keyOfDevice(eid)).toBeUndefined();
});

it("names the line that is wrong", () => {
	writeFileSync(file, "sensor-7:AABBCCDD\nsensor-8:AAB\n");
	expect(() => new PskFile(file, logger("test"))).toThrow(/line 2/);
	expect(() => new PskFile(path.join(folder, "none"), logger("test"))).toThrow(/cannot be read/);
});

it("refuses an identity without a key, of which the EID would be taken for one", () => {
	const eid = Eid("89049032123451234512345678901235");
	writeFileSync(file, `sensor-7:AABBCCDD\nurn:eid:${eid}\n`);
	expect(() => new PskFile(file, logger("test"))).toThrow(
		/line 2: no key, but an EID after urn:eid: write urn:eid:EID:key/,
	);
	// One that says an EID itself is followed by a key, whatever its digits.
	writeFileSync(file, `${eid}:${eid}\n`);
	expect(new PskFile(file, logger("test")).keyOfDevice(eid)?.key).toHaveLength(16);
});

it("warns of identities that say one EID, since each of them is that device alone", () => {
	const [eid, other] = [Eid("89049032123451234512345678901235"), Eid("89001012012341234012345678901224")];
	entries.length = 0;
	writeFileSync(file, `gw-1-${eid}:01020304\nurn:eid:${eid}:AABBCCDD\nurn:eid:${other}:00112233\nsensor-7:00112233\n`);
	new PskFile(file, logger("test"));
	expect(entries).toMatchObject([
		{ level: "warn", facts: { devices: 1, eid, identities: [`gw-1-${eid}`, `urn:eid:${eid}`] } },
	]);
});
