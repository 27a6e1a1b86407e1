/**
 * A device that sleeps is woken because something waits for it: from the order over the API to the poll, over the real
 * sockets of eIM, SMSC (plain and TLS), network, modem and agent, or over the webhook of the customer's platform.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { buildEim, type Eim } from "@iot-esim/eim/app";
import { eimConfig } from "@iot-esim/eim/config";
import { ownTlsIdentity } from "@iot-esim/eim/own-keys";
import { openWakeSocket } from "@iot-esim/ipa/cli/wake-socket";
import { encode } from "@iot-esim/shared/asn1/schema";
import { GetEimPackageRequest } from "@iot-esim/shared/messages/sgp32/esipa-package";
import { certificateToPem } from "@iot-esim/shared/pki/pem";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { connectTcp, parseHostPort } from "@iot-esim/shared/transport/tcp";
import { keepVpcdCardConnected } from "@iot-esim/shared/transport/vpcd";
import { fromHex, hex, toHex } from "@iot-esim/shared/util/bytes";
import { Milliseconds, Seconds } from "@iot-esim/shared/util/duration";
import { networkConfig } from "@iot-esim/sim/network/config";
import { NetworkProgram } from "@iot-esim/sim/network/network-program";
import { afterEach, beforeEach, expect, it } from "vitest";
import { verifyWakeUp } from "../../examples/wake-webhook.ts";
import { eidOf } from "../contract/store-samples.ts";
import { TinyCard, type TinyProfile } from "../support/tiny-card.ts";

const eid = eidOf(1);
const wait = { timeout: 10_000, interval: 10 };
const secret = `whsec_${Buffer.alloc(32, 7).toString("base64")}`;
let folder: string;
let closers: (() => unknown)[];
beforeEach(() => {
	folder = mkdtempSync(path.join(tmpdir(), "waking-"));
	closers = [];
});
afterEach(async () => {
	for (const close of closers.reverse()) await close();
	rmSync(folder, { recursive: true, force: true });
});

async function runningEim(settings: Readonly<Record<string, string>>) {
	const flags = Object.entries({
		"data-folder": folder,
		"eim-fqdn": "eim.example.com",
		"api-first-key": "k".repeat(40),
		...settings,
	});
	const config = readConfig(eimConfig, { flags: flags.flatMap(([name, value]) => [`--${name}`, value]) });
	const { logger, entries } = memoryLogger();
	const eim = await buildEim(config, { clock: systemClock, random: systemRandom, logger, version: "0.0.0" });
	closers.push(() => eim.close());
	eim.jobs.start();
	eim.waking.start();
	const headers = { authorization: `Bearer ${"k".repeat(40)}` };
	const call = async (method: "GET" | "POST" | "PATCH", url: string, payload?: object) => {
		const answer = await eim.api.inject({ method, url, headers, ...(payload && { payload }) });
		if (answer.statusCode >= 300) throw new Error(`${method} ${url}: ${answer.body}`);
		return answer.json();
	};
	if ((await eim.store.loadDevice(eid)) === undefined) await call("POST", "/api/v1/devices", { eid });
	const order = async () => (await call("POST", `/api/v1/devices/${eid}/operations`, { type: "listProfiles" })).id;
	const stateOf = async (id: string) => (await call("GET", `/api/v1/operations/${id}`)).state;
	const wakeUps = async () => (await call("GET", `/api/v1/devices/${eid}/wake-ups`)).items;
	return { eim, entries, call, order, stateOf, wakeUps };
}

/** One poll of an IPA. */
const poll = (eim: Eim) =>
	eim.esipa.handle(encode(GetEimPackageRequest, { eidValue: fromHex(eid) }), {
		remoteAddress: "device",
	});

function tlsIdentity(name: string) {
	const { key, certificate, ca } = ownTlsIdentity({
		folder: mkdtempSync(path.join(folder, "tls-")),
		curve: "P-256",
		random: systemRandom,
		now: Date.now(),
		host: name,
	});
	const caFile = path.join(folder, `${name}.pem`);
	writeFileSync(caFile, certificateToPem(ca));
	return { key, certificate, caFile };
}

const PROFILE: TinyProfile = {
	iccid: "8988280666000000014",
	imsi: "999701234567890",
	mncLength: 2,
	k: hex`000102030405060708090A0B0C0D0E0F`,
	opc: hex`101112131415161718191A1B1C1D1E1F`,
};

/** A network with an SMSC and one device in it, whose agent listens on a wake socket. */
async function network(place: string) {
	const upp = buildProfilePackage({
		iccid: PROFILE.iccid,
		imsi: PROFILE.imsi,
		ki: toHex(PROFILE.k),
		opc: toHex(PROFILE.opc),
	});
	const ipaWake = path.join(folder, "wake.sock");
	const text = `
hss: { uppFiles: [profile.der] }
modem: { searchInterval: 50ms }
coverage: { rules: [{ place: cellar, covered: false }] }
smsc: { port: 0, password: secret }
devices: [{ name: meter, place: ${place}, msisdn: "491701234567", ipaWake: "${ipaWake}" }]
`;
	const { logger } = memoryLogger();
	const config = readConfig(networkConfig, { yaml: { text, name: "network.yaml", folder } });
	const deps = { clock: systemClock, random: systemRandom, logger, readFile: async () => upp };
	const program = await NetworkProgram.create(config, deps);
	const listening = await program.start();
	closers.push(() => program.stop());
	const address = parseHostPort(listening.devices.meter?.card ?? "");
	const plugged = keepVpcdCardConnected({
		address,
		card: new TinyCard(PROFILE),
		clock: systemClock,
		retryAfter: Milliseconds(10),
	});
	closers.push(() => plugged.stop());
	return { program, smsc: listening.smsc ?? "", ipaWake, device: program.devices[0] };
}

async function agentOn(ipaWake: string, eim: Eim) {
	const log = memoryLogger().logger("ipa.main");
	const pollSoon = () => void poll(eim);
	const socket = await openWakeSocket(ipaWake, { pollSoon }, { clock: systemClock, log, interval: Seconds(30) });
	closers.push(() => socket.close());
}

it("by a short message over SMPP, which waits in the SMSC until the device is in reach", async () => {
	const { smsc, ipaWake, device, program } = await network("cellar");
	const { eim, call, order, stateOf, wakeUps } = await runningEim({ "smpp-url": smsc, "smpp-password": "secret" });
	await agentOn(ipaWake, eim);
	await call("PATCH", `/api/v1/devices/${eid}`, { wakeUp: { via: "sms", msisdn: "+491701234567", port: 5683 } });
	const orders = await Promise.all(Array.from({ length: 3 }, order));
	await expect.poll(wakeUps, wait).toMatchObject([{ state: "sent", via: "sms" }]);
	expect(await stateOf(orders[0])).toBe("queued");
	device?.moveTo("home");
	await expect.poll(wakeUps, wait).toMatchObject([{ state: "delivered" }]);
	await expect.poll(() => stateOf(orders[0]), wait).toBe("sent");
	const received = program.events.since().filter(({ type }) => type === "short-message-received");
	expect(received).toMatchObject([{ device: "meter", port: 5683, octetsHex: "706F6C6C" }]);
	const { body } = await eim.api.inject({ url: "/metrics", headers: { authorization: `Bearer ${"k".repeat(40)}` } });
	expect(body).toContain('eim_wake_ups_total{via="sms",outcome="sent"} 1');
	expect(body).toContain('eim_wake_ups_total{via="sms",outcome="delivered"} 1');
});

it("by a short message over SMPP in TLS, to an SMSC of the configured CA alone", async () => {
	const { smsc, ipaWake } = await network("home");
	const { key, certificate, caFile } = tlsIdentity("smsc.example.com");
	const inside = parseHostPort(smsc.slice("smpp://".length));
	const server = tls.createServer({ key, cert: certificate }, async (secured) => {
		const plain = await connectTcp(inside);
		secured.on("error", () => plain.destroy());
		secured.pipe(plain).pipe(secured);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	closers.push(() => server.close());
	const { port } = server.address() as { port: number };
	const settings = {
		"smpp-url": "smpps://smsc.example.com:3550",
		"smpp-password": "secret",
		"smpp-ca": caFile,
		hosts: `smsc.example.com=127.0.0.1:${port}`,
	};
	const stranger = await runningEim({ ...settings, "smpp-ca": tlsIdentity("other.example.com").caFile });
	const refused = () => stranger.entries.find(({ phrase }) => phrase === "no binding to the SMSC")?.facts;
	await expect.poll(refused, wait).toMatchObject({ error: { code: "TRANSPORT_TLS_UNTRUSTED" } });
	await stranger.eim.close();
	const { eim, call, order, stateOf } = await runningEim(settings);
	await agentOn(ipaWake, eim);
	await call("PATCH", `/api/v1/devices/${eid}`, { wakeUp: { via: "sms", msisdn: "+491701234567" } });
	const id = await order();
	await expect.poll(() => stateOf(id), wait).toBe("sent");
});

it("by the webhook of the customer's platform, which verifies that it is the eIM that asks", async () => {
	const { key, certificate, caFile } = tlsIdentity("platform.example.com");
	const asked: unknown[] = [];
	let eim: Eim | undefined;
	const platform = createHttpsListener(
		({ headers, body }) => {
			const wakeUp = verifyWakeUp({ secret, headers, body, now: Date.now() });
			asked.push(wakeUp);
			if (wakeUp === undefined) return { status: 401 };
			if (eim) void poll(eim);
			return { status: 204 };
		},
		{ identity: { key, certificate } },
	);
	const { port } = await platform.listen({ host: "127.0.0.1", port: 0 });
	closers.push(() => platform.close());
	const running = await runningEim({
		"wake-webhook-url": "https://platform.example.com/wake",
		"wake-webhook-secret": secret,
		"wake-webhook-ca": caFile,
		hosts: `platform.example.com=127.0.0.1:${port}`,
	});
	eim = running.eim;
	await running.call("PATCH", `/api/v1/devices/${eid}`, { wakeUp: { via: "webhook", reference: "pump-7" } });
	const id = await running.order();
	await expect.poll(() => running.stateOf(id), wait).toBe("sent");
	expect(asked).toMatchObject([{ type: "device.wakeUp", data: { eid, reference: "pump-7", waiting: 1 } }]);
	await expect.poll(running.wakeUps, wait).toMatchObject([{ state: "sent", via: "webhook" }]);
});
