/**
 * What somebody on the way sees of ESipa, by a dissector that we did not write: handshakes and records, over every binding,
 * and the messages only with the keys of the session, which the lab's key log gives out.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { linkMaker } from "@iot-esim/ipa/cli/eim-transports";
import { ipaConfig } from "@iot-esim/ipa/config";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { labKeyLogOf } from "@iot-esim/shared/transport/coap/lab-key-log";
import { concatBytes, fromHex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AbsentBinding, StartedBinding, WireBinding } from "../perf/wire/binding.ts";
import { readPcap } from "../perf/wire/capture.ts";
import { coapDtlsBinding, coapTlsBinding } from "../perf/wire/coap-binding.ts";
import { httpsBinding } from "../perf/wire/https-binding.ts";
import { mqttBinding } from "../perf/wire/mqtt-binding.ts";
import { tcpCapture, udpRelay } from "../perf/wire/relay-sockets.ts";
import { EIM_NAME, type OpenLink, WireScene } from "../perf/wire/scene.ts";
import { requireExternal } from "../support/externals.ts";
import { findProgram } from "../support/find-program.ts";

const ICCID = "8900101000000000026";

let tshark: string | undefined;
const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-tshark-"));

beforeAll(async () => {
	tshark = await requireExternal("tshark (apt-get install tshark)", () => findProgram("tshark"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One field of every packet, the values of one packet behind one another. */
function fieldsOf(capture: Uint8Array, port: number, carrier: "udp" | "tcp", field: string, keyLog?: string): string[] {
	const file = path.join(folder, "capture.pcap");
	writeFileSync(file, capture);
	const dissector = carrier === "udp" ? "dtls" : "tls";
	const given = ["-r", file, "-d", `${carrier}.port==${port},${dissector}`, "-T", "fields", "-e", field];
	if (keyLog !== undefined) given.push("-o", `tls.keylog_file:${keyLog}`, "-d", `${dissector}.port==${port},coap`);
	const text = execFileSync(tshark ?? "", given, { stdio: ["ignore", "pipe", "ignore"] });
	return text
		.toString()
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "");
}

const contains = (octets: Uint8Array, part: Uint8Array) => toHex(octets).includes(toHex(part));

/** What a stranger could tell a device and its profiles by. */
function tellTales(eid: string): Readonly<Record<string, Uint8Array>> {
	const swapped = ICCID.padEnd(20, "F").replace(/(.)(.)/g, "$2$1");
	return {
		"EID, octets": fromHex(eid),
		"EID, digits": utf8(eid),
		"ICCID, octets": fromHex(swapped),
		"ICCID, digits": utf8(ICCID),
		"a path of ESipa": utf8("gsma/rsp2"),
		"a topic of ESipa": utf8("e1/u/"),
	};
}

/** A device that polls, tells its data, fetches a profile and switches to it. */
async function mainJob(scene: WireScene): Promise<void> {
	await scene.settle();
	for (const order of [() => scene.orderDownload(ICCID), () => scene.orderEnable(ICCID)]) {
		const id = await order();
		await scene.settle();
		await scene.expectSuccess(id);
	}
}

async function opened(binding: WireBinding, labSettings: Readonly<Record<string, string>> = {}) {
	const started: StartedBinding = await binding.start();
	const scene = await WireScene.open({ isCompact: false, eimSettings: { ...started.eimSettings, ...labSettings } });
	const listener = await started.listen(scene.eim);
	const relay = await (binding.carrier === "udp" ? udpRelay : tcpCapture)(listener.port);
	const close = async () => {
		await scene.close();
		await relay.close();
		await listener.close();
	};
	return { started, scene, listener, relay, close };
}

const BINDINGS: readonly (WireBinding | AbsentBinding)[] = [
	httpsBinding("asn1"),
	httpsBinding("json"),
	mqttBinding(),
	coapDtlsBinding(),
	coapTlsBinding(),
];

describe.each(BINDINGS)("$name", (binding) => {
	it("shows somebody on the way handshakes and records, and nothing of what is in them", async () => {
		const isThere = await requireExternal(`${binding.name}: ${"absent" in binding ? binding.absent : ""}`, () =>
			"absent" in binding ? undefined : true,
		);
		if (tshark === undefined || !isThere || "absent" in binding) return;
		const { started, scene, listener, relay, close } = await opened(binding);
		try {
			await scene.useLink(started.link(relay.port));
			await mainJob(scene);
			const capture = relay.takeCapture();
			const octets = concatBytes(...readPcap(capture).map(({ payload }) => payload));
			const seen = Object.entries(tellTales(scene.pki.eid)).filter(([, part]) => contains(octets, part));
			expect(seen.map(([name]) => name)).toEqual([]);

			const dissect = (field: string) => fieldsOf(capture, listener.port, binding.carrier, field);
			const layer = binding.carrier === "udp" ? "dtls" : "tls";
			const protocols = new Set(dissect("frame.protocols").flatMap((line) => line.split(":")));
			for (const inside of ["http", "json", "mqtt", "coap"]) expect(protocols).not.toContain(inside);
			expect(protocols).toContain(layer);
			const fields =
				layer === "dtls" ? ["dtls.record.content_type"] : ["tls.record.content_type", "tls.record.opaque_type"];
			const records = fields
				.flatMap(dissect)
				.flatMap((line) => line.split(","))
				.map(Number);
			// 20 change cipher spec, 21 alert, 22 handshake, 23 application data
			expect(records.filter((type) => type < 20 || type > 23)).toEqual([]);
			expect(records.filter((type) => type === 23).length).toBeGreaterThan(10);
		} finally {
			await close();
		}
	}, 60_000);
});

/** A link as the settings of the IPA make it, its keys written where they say. */
function labLink(transport: "coap" | "coaps+tcp", relayPort: number, keyLog: string): OpenLink {
	const flags = ["--eim-transport", transport, "--hosts", `${EIM_NAME}:5684=127.0.0.1:${relayPort}`];
	const config = readConfig(ipaConfig, { flags: [...flags, "--coap-lab-mode", "bench", "--coap-key-log", keyLog] });
	const labKeyLog = labKeyLogOf(config, silentLogger("ipa.coap"));
	const clock = systemClock;
	const make = linkMaker(config, { clock, random: systemRandom, logger: silentLogger, fallbackCa: [], labKeyLog });
	const events = { transfer: () => Promise.reject(new Error("none")), pollSoon: () => undefined };
	return (target, eid) => make(target, eid, events);
}

const LAB_BINDINGS = [
	["coap", coapDtlsBinding()],
	["coaps+tcp", coapTlsBinding()],
] as const;

describe.each(LAB_BINDINGS)("a session over %s of programs in lab mode", (transport, binding) => {
	it("is read by tshark with the key log of either end: the EID in a poll", async () => {
		const isThere = await requireExternal(`${binding.name}: ${"absent" in binding ? binding.absent : ""}`, () =>
			"absent" in binding ? undefined : true,
		);
		if (tshark === undefined || !isThere || "absent" in binding) return;
		const keyLogs = ["eim", "ipa"].map((end) => path.join(folder, `${end}-${transport}.keys`));
		const [ofEim = "", ofIpa = ""] = keyLogs;
		const { scene, listener, relay, close } = await opened(binding, {
			"coap-lab-mode": "bench",
			"coap-key-log": ofEim,
		});
		try {
			await scene.useLink(labLink(transport, relay.port, ofIpa));
			await scene.round();
			const capture = relay.takeCapture();
			const said = (keyLog?: string) =>
				fieldsOf(capture, listener.port, binding.carrier, "data.data", keyLog).join("").toUpperCase();
			expect(said()).not.toContain(scene.pki.eid);
			for (const keyLog of keyLogs) {
				expect(said(keyLog)).toContain(scene.pki.eid);
				expect(statSync(keyLog).mode & 0o777).toBe(0o600);
			}
		} finally {
			await close();
		}
	}, 60_000);
});
