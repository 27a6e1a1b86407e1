import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { EsipaTopics } from "@iot-esim/shared/transport/mqtt/esipa-topics";
import { toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import {
	closeAll,
	EID,
	faceOf,
	handlerOf,
	linkOf,
	NOTHING,
	OTHER_EID,
	openerTo,
	pollOf,
} from "../contract/mqtt-bench.ts";
import { mosquitto, startMosquitto } from "./mosquitto-broker.ts";
import { brokerPki } from "./mosquitto-certificates.ts";

const run = promisify(execFile);
const VERSIONS = [
	["5", "5"],
	["5", "3.1.1"],
	["3.1.1", "5"],
	["3.1.1", "3.1.1"],
] as const;
const users: Readonly<Record<string, string>> = { eim: "e", [EID]: "d", [OTHER_EID]: "o" };
const topics = new EsipaTopics();

afterEach(closeAll);

describe.skipIf(!mosquitto)("Mosquitto with the access list of examples/mosquitto", async () => {
	const broker = mosquitto ? await startMosquitto({ users }) : undefined;
	const at = broker ?? { url: "", port: 0, folder: "", log: () => "" };
	afterAll(() => broker?.stop());
	let connections = 0;
	const open = (name: string, version: "3.1.1" | "5" = "5", change = {}) =>
		openerTo(at.url, `${name}-${++connections}`, version, { username: name, password: users[name] ?? "", ...change });
	const startFace = async (change: Parameters<typeof faceOf>[1] = {}, version: "3.1.1" | "5" = "5") => {
		const face = faceOf(open("eim", version), change);
		face.start();
		await face.connected();
		return face;
	};
	const as = (name: string | undefined) => {
		const login = name === undefined ? [] : ["-u", name, "-P", users[name] ?? ""];
		return ["-h", "127.0.0.1", "-p", String(at.port), ...login];
	};
	const publish = (name: string | undefined, ...more: string[]) =>
		run(mosquitto?.mosquitto_pub ?? "", [...as(name), "-q", "1", ...more]);
	/** What mosquitto_sub prints, one message a line, after it has subscribed and until it is ended. */
	const subscribe = async (name: string | undefined, ...more: string[]) => {
		const child = spawn("stdbuf", [
			"-oL",
			mosquitto?.mosquitto_sub ?? "",
			...as(name),
			"-q",
			"1",
			"-d",
			"-F",
			"%t %x",
			...more,
		]);
		let text = "";
		const subscribed = new Promise<void>((resolve) => {
			child.stdout.on("data", (chunk) => {
				text += chunk;
				if (text.includes("Subscribed (mid")) resolve();
			});
		});
		const over = new Promise<number | null>((resolve) => child.once("close", resolve));
		await Promise.race([subscribed, over]);
		return {
			over,
			lines: () => text.split("\n").filter((line) => line.startsWith("e1/")),
			end: async () => {
				child.kill("SIGTERM");
				await over;
				return text.split("\n").filter((line) => line.startsWith("e1/"));
			},
		};
	};

	it.each(VERSIONS)("an eIM on MQTT %s and an IPA on MQTT %s exchange messages up to 128 KB", async (ofEim, ofIpa) => {
		const large = new Uint8Array(128 * 1024).fill(0x5a);
		large.set([0xbf, 0x4f, 0x83, 0x01, 0xff, 0xfa]);
		const face = await startFace({ handler: handlerOf(async (body) => (body.length > 100 ? body : NOTHING)) }, ofEim);
		const link = linkOf(open(EID, ofIpa));
		for (let round = 0; round < 3; round++) expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
		expect(Buffer.compare(await link.exchange(large), large)).toBe(0);
		await link.close();
		await face.stop();
	});

	it.each(["3.1.1", "5"] as const)("replicas on MQTT %s share the requests, each answered once", async (version) => {
		const heard = [0, 0];
		const faces = await Promise.all(
			[0, 1].map((at) =>
				startFace(
					{
						handler: handlerOf(async () => {
							heard[at] = (heard[at] ?? 0) + 1;
							return NOTHING;
						}),
					},
					version,
				),
			),
		);
		const link = linkOf(open(EID, version));
		for (let round = 0; round < 10; round++) await link.exchange(pollOf(EID));
		expect(heard).toEqual([5, 5]);
		await faces[0]?.stop();
		expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
		await faces[1]?.stop();
		await link.close();
	});

	it("mosquitto_pub asks by a message made by hand and mosquitto_sub has the answer", async () => {
		const face = await startFace();
		const file = path.join(at.folder, "get-eim-package.der");
		writeFileSync(file, Buffer.from(`BF4F125A10${EID}`, "hex"));
		const answers = await subscribe(EID, "-t", topics.deviceFilter(EID), "-C", "1");
		await publish(EID, "-t", `e1/u/${EID}/7`, "-f", file);
		expect(await answers.over).toBe(0);
		expect(answers.lines()).toEqual([`e1/d/${EID}/7 ${toHex(NOTHING).toLowerCase()}`]);
		const named = await subscribe(EID, "-V", "5", "-t", topics.deviceFilter(EID), "-C", "1");
		const properties = ["-D", "publish", "response-topic", `e1/d/${EID}/x`, "-D", "publish", "correlation-data", "c"];
		await publish(EID, "-V", "5", ...properties, "-t", `e1/u/${EID}`, "-f", file);
		expect(await named.over).toBe(0);
		expect(named.lines()).toEqual([`e1/d/${EID}/x ${toHex(NOTHING).toLowerCase()}`]);
		await face.stop();
	});

	it("a device can neither write nor read topics of another, an anonymous client can do nothing", async () => {
		const eim = await subscribe("eim", "-t", "e1/#");
		const spy = await subscribe(EID, "-t", "e1/#", "-t", `e1/d/${OTHER_EID}/#`, "-t", `e1/u/${OTHER_EID}/#`, "-t", "#");
		await publish(EID, "-t", `e1/u/${OTHER_EID}/1`, "-m", "forged request");
		await publish(EID, "-t", `e1/d/${OTHER_EID}/1`, "-m", "forged answer");
		await publish(EID, "-t", `e1/d/${EID}/t/abc/1`, "-m", "package to itself");
		await publish(EID, "-t", `e1/d/${OTHER_EID}/h`, "-r", "-m", "forged hint");
		await expect(publish(undefined, "-t", `e1/u/${EID}/1`, "-m", "nobody")).rejects.toThrow(/not authori[sz]ed/i);
		const nobody = await subscribe(undefined, "-t", "#");
		expect(await nobody.over).not.toBe(0);
		await expect(publish(EID, "-P", "wrong", "-t", `e1/u/${EID}/1`, "-m", "x")).rejects.toThrow(/not authori[sz]ed/i);
		await publish(OTHER_EID, "-t", `e1/u/${OTHER_EID}/1`, "-m", "own request");
		await publish("eim", "-t", `e1/d/${OTHER_EID}/1`, "-m", "answer of the eIM");
		await publish("eim", "-t", `e1/d/${EID}/1`, "-m", "last");
		while (spy.lines().length === 0) await publish("eim", "-t", `e1/d/${EID}/1`, "-m", "last");
		const hex = (text: string) => Buffer.from(text).toString("hex");
		await expect.poll(eim.lines).toContain(`e1/d/${EID}/1 ${hex("last")}`);
		expect(new Set(await spy.end())).toEqual(new Set([`e1/d/${EID}/1 ${hex("last")}`]));
		expect([...new Set(await eim.end())]).toEqual([
			`e1/u/${OTHER_EID}/1 ${hex("own request")}`,
			`e1/d/${OTHER_EID}/1 ${hex("answer of the eIM")}`,
			`e1/d/${EID}/1 ${hex("last")}`,
		]);
	});

	it("a device is told at once that no eIM is there, where the broker speaks MQTT 5", async () => {
		const link = linkOf(open(EID), { timeout: Seconds(60) });
		await expect(link.exchange(pollOf(EID))).rejects.toThrow("no eIM is connected to the broker");
		await link.close();
	});

	it("a wrong password is named as the reason", async () => {
		const link = linkOf(open(EID, "5", { password: "wrong" }));
		await expect(link.exchange(pollOf(EID))).rejects.toThrow(/[Nn]ot authorized|Bad User Name/);
		await link.close();
	});

	it("an eIM brings a package to the device and has its answer, or hears at once that it is away", async () => {
		const face = await startFace();
		const link = linkOf(open(EID), { onTransfer: async (message) => Uint8Array.of(...message, 1) });
		await link.exchange(pollOf(EID));
		const request = Uint8Array.of(0xbf, 0x4e, 0x00);
		expect(await face.transfer(undefined, request, EID)).toEqual(Uint8Array.of(0xbf, 0x4e, 0x00, 1));
		await link.close();
		await expect(face.transfer(undefined, request, EID)).rejects.toThrow("it is not connected");
		await face.stop();
	});
});

describe.skipIf(!mosquitto)("Mosquitto with client certificates", async () => {
	const NAME = "eim.example.com";
	const pki = brokerPki(NAME);
	const broker = mosquitto ? await startMosquitto({ tls: pki.server }) : undefined;
	afterAll(() => broker?.stop());
	const hosts = { [NAME]: `127.0.0.1:${broker?.port}` };
	const open = (name: string, change = {}) =>
		openerTo(`mqtts://${NAME}`, name, "5", {
			hosts,
			tls: { kind: "ca", certificates: [pki.caPem] },
			identity: pki.client(name),
			...change,
		});

	it("the common name is the user, and the server is known by a CA or by the key on the card", async () => {
		const face = faceOf(open("eim"));
		face.start();
		await face.connected();
		for (const tls of [
			{ kind: "ca", certificates: [pki.caPem] },
			{ kind: "pinned", spki: pki.serverSpki },
			{ kind: "pinned-certificate", der: pki.ca },
		]) {
			const link = linkOf(open(EID, { tls }));
			expect(await link.exchange(pollOf(EID))).toEqual(NOTHING);
			await link.close();
		}
		// The same request of a device that is another by its certificate reaches nobody.
		const forged = linkOf(open(OTHER_EID), { timeout: Seconds(1) });
		await expect(forged.exchange(pollOf(EID))).rejects.toThrow();
		await forged.close();
		await face.stop();
	});

	it("another server key, a stranger's certificate and none at all are refused", async () => {
		const other = brokerPki(NAME);
		const refused = async (change: object) => {
			const link = linkOf(open(EID, change), { timeout: Seconds(5) });
			await expect(link.exchange(pollOf(EID))).rejects.toMatchObject({ code: "IPA_EIM_UNREACHABLE" });
			await link.close();
		};
		await refused({ tls: { kind: "pinned", spki: other.serverSpki } });
		await refused({ tls: { kind: "ca", certificates: [other.caPem] } });
		await refused({ identity: other.client(EID) });
		await refused({ identity: undefined });
	});
});
