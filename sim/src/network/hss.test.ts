import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { generateVector, verifyAutn } from "@iot-esim/shared/crypto/aka/authentication";
import { profileAlgorithm } from "@iot-esim/shared/crypto/aka/profile-algorithm";
import { sequencePolicyOf } from "@iot-esim/shared/crypto/aka/sequence";
import { Iccid } from "@iot-esim/shared/ids/iccid";
import { buildProfilePackage } from "@iot-esim/shared/profile/builder/build-profile-package";
import type { Subscriber } from "@iot-esim/shared/profile/subscriber";
import { silentLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { createHttpClient } from "@iot-esim/shared/transport/http/client";
import { createHttpListener } from "@iot-esim/shared/transport/http/server";
import { hex, toHex } from "@iot-esim/shared/util/bytes";
import { Seconds } from "@iot-esim/shared/util/duration";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Hss } from "./hss.ts";
import { memorySequenceStore, openSequenceFile, type SequenceStore } from "./sequence-store.ts";
import { fixedSubscribers, type SubscriberSource, smdpSubscribers, subscriberOfUpp } from "./subscriber-source.ts";

const log = silentLogger("test");
const IMSI = "001010123456789";
const subscriber: Subscriber = {
	iccid: Iccid("8988219000000000017"),
	imsi: IMSI,
	algorithm: "milenage",
	algorithmID: 1,
	algorithmOptions: hex`01`,
	// Test set 1 of 3GPP TS 35.207 section 6
	key: hex`465B5CE8B199B49FAA5F0A2EE238A6BC`,
	opc: hex`CD63CB71954A9F4E48A5994E37A02BAF`,
	rotationConstants: new Uint8Array(0),
	xoringConstants: new Uint8Array(0),
	numberOfKeccak: 1,
	sqnOptions: 2,
	sqnDelta: hex`000010000000`,
	sqnAgeLimit: hex`000010000000`,
	sqnInit: [],
};
const algorithm = profileAlgorithm(subscriber);

function hss(
	sources: readonly SubscriberSource[],
	sequences: SequenceStore = memorySequenceStore(),
	rand?: Uint8Array,
) {
	const random = rand ? { bytes: () => rand } : systemRandom;
	return new Hss({ sources, sequences, random, log });
}

describe("HSS", () => {
	test("answers the challenge of TS 35.207 test set 1 with its RES, CK and IK", async () => {
		const rand = hex`23553CBE9637A89D218AE64DAE47BF35`;
		const { vector } = (await hss([fixedSubscribers([subscriber])], memorySequenceStore(), rand).vector(IMSI))!;
		expect(toHex(vector.xres)).toBe("A54211D5E3BA50BF");
		expect(toHex(vector.ck)).toBe("B40BA9A3C58B2A05BBF0D987B21BF8CB");
		expect(toHex(vector.ik)).toBe("F769BCD751044604127672711C6D3441");
	});

	test("never uses a sequence number twice, also for vectors asked at the same time", async () => {
		const one = hss([fixedSubscribers([subscriber])]);
		const vectors = await Promise.all(Array.from({ length: 20 }, () => one.vector(IMSI)));
		let sequenceNumbers: readonly number[] = [];
		for (const made of vectors) {
			const outcome = verifyAutn({ algorithm, ...made!.vector, sequenceNumbers, policy: sequencePolicyOf() });
			expect(outcome.outcome).toBe("success");
			if (outcome.outcome === "success") sequenceNumbers = outcome.sequenceNumbers;
		}
	});

	test("goes on from the card's number after AUTS, and refuses an AUTS of other keys", async () => {
		const one = hss([fixedSubscribers([subscriber])]);
		const ahead = Array.from({ length: 32 }, () => 1_000);
		const first = (await one.vector(IMSI))!.vector;
		const failed = verifyAutn({ algorithm, ...first, sequenceNumbers: ahead, policy: sequencePolicyOf() });
		if (failed.outcome !== "synchronisation-failure") throw new Error(failed.outcome);
		const forged = failed.auts.map((octet, at) => (at === 13 ? octet ^ 1 : octet));
		expect(await one.resynchronise(IMSI, first.rand, forged)).toBe(false);
		expect(await one.resynchronise(IMSI, first.rand, failed.auts)).toBe(true);
		const second = (await one.vector(IMSI))!.vector;
		expect(verifyAutn({ algorithm, ...second, sequenceNumbers: ahead, policy: sequencePolicyOf() }).outcome).toBe(
			"success",
		);
	});

	test("starts above the sequence numbers that the profile was made with", async () => {
		const sqnInit = Array.from({ length: 32 }, () => hex`000000000064`);
		const { vector } = (await hss([fixedSubscribers([{ ...subscriber, sqnInit }])]).vector(IMSI))!;
		const sequenceNumbers = Array.from({ length: 32 }, () => 0x64);
		expect(verifyAutn({ algorithm, ...vector, sequenceNumbers, policy: sequencePolicyOf() }).outcome).toBe("success");
		const sqn = vector.autn.slice(0, 6).map((octet, at) => octet ^ (algorithm.f2345(vector.rand).ak[at] ?? 0));
		expect(
			generateVector({ algorithm, rand: vector.rand, sqn: 0x65 * 32 + 1, amf: hex`8000` }).autn.slice(0, 6),
		).toEqual(vector.autn.slice(0, 6));
		expect(toHex(sqn)).toBe("000000000CA1");
	});

	test("an unknown IMSI has no vector; a source that fails is only an error when no other knows the IMSI", async () => {
		const failing: SubscriberSource = { find: () => Promise.reject(new Error("down")) };
		expect(await hss([fixedSubscribers([])]).vector(IMSI)).toBeUndefined();
		expect(await hss([fixedSubscribers([subscriber]), failing]).vector(IMSI)).toBeDefined();
		await expect(hss([fixedSubscribers([]), failing]).vector(IMSI)).rejects.toThrow("down");
	});
});

describe("sequence numbers on disk", () => {
	let folder: string;
	beforeEach(() => {
		folder = mkdtempSync(path.join(tmpdir(), "hss-"));
	});
	afterEach(() => rmSync(folder, { recursive: true, force: true }));

	test("are durable before a vector leaves, so that a restart goes on above them", async () => {
		const file = path.join(folder, "state", "hss.json");
		const one = hss([fixedSubscribers([subscriber])], await openSequenceFile(file));
		for (let i = 0; i < 3; i++) await one.vector(IMSI);
		const written = JSON.parse(readFileSync(file, "utf8"));
		expect(written).toEqual({ [IMSI]: 3 * 32 + 3 });
		const reopened = await openSequenceFile(file);
		expect(reopened.load(IMSI)).toBe(3 * 32 + 3);
	});

	test.each(["{", '{"001010123456789": "7"}', '{"x": 1}'])("a file holding %j is refused by name", async (text) => {
		const file = path.join(folder, "hss.json");
		writeFileSync(file, text);
		await expect(openSequenceFile(file)).rejects.toMatchObject({
			code: "NETWORK_HSS_STATE",
			message: expect.stringContaining(file),
		});
	});

	test("a folder that cannot be written gives no vector", async () => {
		const file = path.join(folder, "hss.json");
		writeFileSync(path.join(folder, "blocked"), "");
		const sequences = await openSequenceFile(file);
		rmSync(folder, { recursive: true });
		writeFileSync(folder, "");
		await expect(hss([fixedSubscribers([subscriber])], sequences).vector(IMSI)).rejects.toMatchObject({
			code: "NETWORK_HSS_STATE",
		});
	});
});

describe("subscribers of the SM-DP+", () => {
	const description = {
		iccid: "8988219000000000017",
		imsi: IMSI,
		ki: "465B5CE8B199B49FAA5F0A2EE238A6BC",
		op: "00".repeat(16),
	};

	test("are found by IMSI; a package is fetched once, one without USIM is passed over", async () => {
		const asked: string[] = [];
		const upp = buildProfilePackage(description);
		const listener = createHttpListener(({ path: asking }) => {
			asked.push(asking);
			if (asking === "/bench/v1/profiles") {
				const list = [
					{ iccid: "8988219000000000025" },
					{ iccid: description.iccid, imsi: IMSI },
					{ iccid: "8988219000000000033", imsi: "1" },
				];
				return { status: 200, body: JSON.stringify(list) };
			}
			return asking.endsWith(`${description.iccid}/upp`)
				? { status: 200, body: upp }
				: { status: 200, body: hex`A000` };
		});
		const { port } = await listener.listen({ host: "127.0.0.1", port: 0 });
		const http = createHttpClient({ tls: { kind: "none" }, timeout: Seconds(5) });
		try {
			const source = smdpSubscribers(`http://127.0.0.1:${port}/`, http, log);
			expect(await source.find(IMSI)).toEqual(subscriberOfUpp(upp, "test"));
			expect(await source.find(IMSI)).toEqual(subscriberOfUpp(upp, "test"));
			expect(await source.find("999990000000000")).toBeUndefined();
			expect(asked.filter((one) => one.endsWith("/upp"))).toEqual([
				"/bench/v1/profiles/8988219000000000025/upp",
				`/bench/v1/profiles/${description.iccid}/upp`,
			]);
		} finally {
			http.close();
			await listener.close();
		}
		const gone = smdpSubscribers(
			`http://127.0.0.1:${port}`,
			createHttpClient({ tls: { kind: "none" }, timeout: Seconds(5) }),
			log,
		);
		await expect(gone.find(IMSI)).rejects.toMatchObject({ code: "NETWORK_HSS_SOURCE", retryable: true });
	});
});
