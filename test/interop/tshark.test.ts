/**
 * What somebody on the way sees of ESipa, by a dissector that we did not write: handshakes and records, over every binding,
 * and the messages only with the keys of the session, which the lab's key log gives out.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { DatagramChannel } from "@iot-esim/shared/transport/coap/datagram-channel";
import { CoapEndpoint } from "@iot-esim/shared/transport/coap/endpoint";
import { connectDtls } from "@iot-esim/shared/transport/native/dtls/connect-dtls";
import { concatBytes, fromHex, toHex, utf8 } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { AbsentBinding, StartedBinding, WireBinding } from "../perf/wire/binding.ts";
import { readPcap } from "../perf/wire/capture.ts";
import { coapDtlsBinding, coapTlsBinding } from "../perf/wire/coap-binding.ts";
import { httpsBinding } from "../perf/wire/https-binding.ts";
import { mqttBinding } from "../perf/wire/mqtt-binding.ts";
import { tcpCapture, udpRelay } from "../perf/wire/relay-sockets.ts";
import { WireScene } from "../perf/wire/scene.ts";
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
function fieldsOf(capture: Uint8Array, port: number, carrier: "udp" | "tcp", field: string, keys?: string): string[] {
	const file = path.join(folder, "capture.pcap");
	writeFileSync(file, capture);
	const dissector = carrier === "udp" ? "dtls" : "tls";
	const given = ["-r", file, "-d", `${carrier}.port==${port},${dissector}`, "-T", "fields", "-e", field];
	if (keys !== undefined) {
		const keyFile = path.join(folder, "keys.log");
		writeFileSync(keyFile, keys);
		given.push("-o", `tls.keylog_file:${keyFile}`, "-d", `dtls.port==${port},coap`);
	}
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

async function opened(binding: WireBinding) {
	const started: StartedBinding = await binding.start();
	const scene = await WireScene.open({ isCompact: false, eimSettings: started.eimSettings ?? {} });
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

describe("a session over DTLS whose keys the lab's key log gives out", () => {
	it("is read by tshark: CoAP, and the EID in its message", async () => {
		const binding = coapDtlsBinding();
		const isThere = await requireExternal("the DTLS addon (a C++ compiler)", () =>
			"absent" in binding ? undefined : true,
		);
		if (tshark === undefined || !isThere || "absent" in binding) return;
		const { scene, listener, relay, close } = await opened(binding);
		try {
			let keys = "";
			const session = await connectDtls({
				clock: systemClock,
				host: "127.0.0.1",
				port: relay.port,
				// Who the server is, is not the question here.
				trust: { kind: "asked", isTrusted: () => true },
				labKeyLog: (line) => {
					keys += `${line}\n`;
				},
			});
			const channel = new DatagramChannel(session, { clock: systemClock, random: systemRandom });
			const endpoint = new CoapEndpoint(channel, {
				clock: systemClock,
				random: systemRandom,
				responseTimeout: Seconds(10),
			});
			const payload = fromHex(`BF4F125A10${scene.pki.eid}`);
			const answer = await endpoint.request({ method: "POST", path: ["e"], payload });
			expect(toHex(answer.payload).slice(0, 4)).toBe("BF4F");
			await endpoint.close();
			const capture = relay.takeCapture();
			const said = (log?: string) => fieldsOf(capture, listener.port, "udp", "data.data", log).join("");
			expect(said()).not.toContain(scene.pki.eid);
			expect(said(keys)).toContain(scene.pki.eid);
		} finally {
			await close();
		}
	}, 60_000);
});
