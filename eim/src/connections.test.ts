import { mkdtempSync, rmSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { systemClock } from "@iot-esim/shared/runtime/clock";
import { readConfig } from "@iot-esim/shared/runtime/config";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { Smsc } from "@iot-esim/sim/network/smsc/smsc";
import { afterEach, expect, it } from "vitest";
import { startAedes } from "../../test/support/mqtt-broker.ts";
import { buildEim } from "./app.ts";
import { eimConfig } from "./config.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
	for (const close of closing.splice(0).reverse()) await close();
});

async function simulatedSmsc() {
	const accounts = { eim: "secret" };
	const log = memoryLogger().logger("sim.smsc");
	const smsc = new Smsc({ clock: systemClock, log, accounts, subscriber: () => undefined });
	const sockets = new Set<net.Socket>();
	const server = net.createServer((socket) => {
		sockets.add(socket);
		socket.on("error", () => undefined);
		smsc.accept(socket);
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	let isStopped = false;
	const stop = async () => {
		if (isStopped) return;
		isStopped = true;
		server.close();
		await smsc.stop();
		for (const socket of sockets) socket.destroy();
	};
	closing.push(stop);
	return { url: `smpp://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

async function eimWith(settings: Readonly<Record<string, string>>) {
	const folder = mkdtempSync(path.join(tmpdir(), "eim-connections-"));
	closing.push(() => rmSync(folder, { recursive: true, force: true }));
	const flags = Object.entries({ "data-folder": folder, ...settings }).flatMap(([name, value]) => [`--${name}`, value]);
	const { logger } = memoryLogger();
	const outside = { clock: systemClock, random: systemRandom, logger, version: "0.0.0" };
	const eim = await buildEim(readConfig(eimConfig, { flags }), outside);
	closing.push(() => eim.close());
	const health = async () => {
		const { statusCode, body } = await eim.api.inject({ url: "/healthz" });
		return { status: statusCode, ...JSON.parse(body) };
	};
	const metrics = async () =>
		(await eim.api.inject({ url: "/metrics" })).body.split("\n").filter((line) => line.startsWith("eim_connection_up"));
	return { eim, health, metrics };
}

it("broker and SMSC are in health and metrics; who has lost them is degraded and still ready for others", async () => {
	const broker = await startAedes();
	let isBrokerThere = true;
	const stopBroker = async () => {
		if (isBrokerThere) await broker.stop();
		isBrokerThere = false;
	};
	closing.push(stopBroker);
	const smsc = await simulatedSmsc();
	const mqtt = { "mqtt-url": broker.url, "mqtt-version": "3.1.1", "mqtt-share-group": "" };
	const settings = { ...mqtt, "smpp-url": smsc.url, "smpp-password": "secret" };
	const { eim, health, metrics } = await eimWith(settings);
	eim.mqtt?.start();
	eim.waking.start();
	const checks = { database: "ok", mqtt: "ok", smsc: "ok" };
	await expect.poll(health).toEqual({ status: 200, ok: true, checks });
	expect(await metrics()).toEqual(['eim_connection_up{to="mqtt"} 1', 'eim_connection_up{to="smsc"} 1']);
	await stopBroker();
	const lost = expect.stringContaining("no connection to the MQTT broker (mqtt.url)");
	await expect.poll(health).toEqual({ status: 200, ok: true, degraded: ["mqtt"], checks: { ...checks, mqtt: lost } });
	await smsc.stop();
	await expect.poll(async () => (await health()).degraded).toEqual(["mqtt", "smsc"]);
	expect(await metrics()).toEqual(['eim_connection_up{to="mqtt"} 0', 'eim_connection_up{to="smsc"} 0']);
});

it("what is not configured is not looked for", async () => {
	const { health, metrics } = await eimWith({});
	expect(await health()).toEqual({ status: 200, ok: true, checks: { database: "ok" } });
	expect(await metrics()).toEqual([]);
});
