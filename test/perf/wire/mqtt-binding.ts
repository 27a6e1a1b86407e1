import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { openBrokerLink } from "@iot-esim/ipa/esipa/mqtt-broker";
import { generateKeyPair } from "@iot-esim/shared/crypto/ecdsa";
import { issueCertificate } from "@iot-esim/shared/pki/issue";
import { issueTlsCa, issueTlsServer } from "@iot-esim/shared/pki/issue-roles";
import { oid } from "@iot-esim/shared/pki/oids";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Days, Seconds } from "@iot-esim/shared/util/duration";
import { freePort } from "../../../examples/demo/free-ports.ts";
import type { AbsentBinding, StartedBinding, WireBinding } from "./binding.ts";
import type { OpenLink } from "./scene.ts";

const BROKER = "broker.iot.example.com";
const NAME = "mqtt";

/** ESipa over MQTT 5 and TLS with client certificates, through Mosquitto: the device's side is what is measured. */
export function mqttBinding(): WireBinding | AbsentBinding {
	const program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto"].find(existsSync);
	if (program === undefined) return { name: NAME, absent: "Mosquitto is not installed (apt-get install mosquitto)" };
	return { name: NAME, carrier: "tcp", ticketsOfResumed: 1, start: () => startBinding(program) };
}

async function startBinding(program: string): Promise<StartedBinding> {
	const folder = mkdtempSync(path.join(tmpdir(), "iot-esim-wire-mqtt-"));
	const pki = brokerPki();
	const [eimPort, devicePort] = [await freePort(), await freePort()];
	const file = (name: string, text: string) => {
		writeFileSync(path.join(folder, name), text, { mode: 0o644 });
		return path.join(folder, name);
	};
	const lines = [
		"per_listener_settings true",
		"user root",
		"persistence false",
		`listener ${eimPort} 127.0.0.1`,
		"allow_anonymous true",
		`listener ${devicePort} 127.0.0.1`,
		`cafile ${file("ca.pem", pki.ca)}`,
		`certfile ${file("certificate.pem", pki.server.certificate)}`,
		`keyfile ${file("key.pem", pki.server.key)}`,
		"require_certificate true",
		"use_identity_as_username true",
	];
	const broker = spawn(program, ["-c", file("mosquitto.conf", `${lines.join("\n")}\n`)], { stdio: "ignore" });
	await untilListening(devicePort);
	return {
		eimSettings: { "mqtt-url": `mqtt://127.0.0.1:${eimPort}`, "mqtt-hints": "false" },
		listen: async (eim) => {
			eim.mqtt?.start();
			await eim.mqtt?.connected();
			return {
				port: devicePort,
				close: async () => {
					await end(broker);
					rmSync(folder, { recursive: true, force: true });
				},
			};
		},
		link: (relayPort) => brokerLink(relayPort, pki),
	};
}

const brokerLink =
	(relayPort: number, pki: ReturnType<typeof brokerPki>): OpenLink =>
	(target, eid) =>
		openBrokerLink(target, eid, {
			url: `mqtts://${BROKER}`,
			version: "5",
			prefix: "e1",
			qos: 0,
			keepalive: Seconds(240),
			username: undefined,
			password: undefined,
			identity: pki.client(toHex(eid)),
			brokerCa: [pki.ca],
			fallbackCa: [],
			timeout: Seconds(30),
			hosts: { [BROKER]: `127.0.0.1:${relayPort}` },
			proxy: undefined,
			clock: systemClock,
			random: systemRandom,
			log: memoryLogger().logger("ipa.mqtt"),
		});

/** A CA for the broker, and certificates of clients by their common names. */
function brokerPki() {
	const now = systemClock.now();
	const validity = { notBefore: now - Days(1), notAfter: now + Days(365) };
	const random = systemRandom;
	const caKeys = generateKeyPair("P-256");
	const ca = issueTlsCa({ keyPair: caKeys, subject: { commonName: "Broker CA" }, random, validity });
	const issuer = { certificate: ca, privateKey: caKeys.privateKey };
	const keys = generateKeyPair("P-256");
	const server = issueTlsServer({ issuer, publicKey: keys.publicKey, hosts: [BROKER], random, validity });
	return {
		ca: certificateToPem(ca),
		server: { certificate: certificateToPem(server), key: privateKeyToPem(keys.privateKey) },
		client(commonName: string) {
			const { publicKey, privateKey } = generateKeyPair("P-256");
			const keyUsage = ["digitalSignature"] as const;
			const profile = { subject: { commonName }, validity, keyUsage, extendedKeyUsage: [oid.clientAuth] };
			const certificate = issueCertificate({ profile, publicKey, issuer, random });
			return { certificate: certificateToPem(certificate), key: privateKeyToPem(privateKey) };
		},
	};
}

async function untilListening(port: number): Promise<void> {
	for (let attempt = 0; attempt < 400; attempt++) {
		const isThere = await new Promise<boolean>((resolve) => {
			const socket = net.connect(port, "127.0.0.1", () => {
				socket.destroy();
				resolve(true);
			});
			socket.once("error", () => setTimeout(() => resolve(false), 50));
		});
		if (isThere) return;
	}
	throw new Error("Mosquitto does not listen");
}

async function end(child: ChildProcess): Promise<void> {
	const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	child.kill("SIGTERM");
	await exited;
}
