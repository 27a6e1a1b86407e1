import { buildApi } from "@iot-esim/eim/api/api";
import type { ApiLimits, EimConfiguration } from "@iot-esim/eim/api/api-deps";
import { API_KEY_RANDOM, makeApiKey } from "@iot-esim/eim/domain/api-key";
import type { WakeUpAddress } from "@iot-esim/eim/domain/wake-up";
import { readEimConfiguration } from "@iot-esim/eim/esipa/eim-configuration";
import { makeHealth } from "@iot-esim/eim/observability/health";
import { makeMetrics } from "@iot-esim/eim/observability/metrics";
import { openStore } from "@iot-esim/eim/storage/open-store";
import { type Clock, systemClock } from "@iot-esim/shared/runtime/clock";
import { memoryLogger } from "@iot-esim/shared/runtime/logger";
import { systemRandom } from "@iot-esim/shared/runtime/random";
import { fromHex } from "@iot-esim/shared/util/bytes";
import { Days, Milliseconds, Seconds } from "@iot-esim/shared/util/duration";

export const CONFIGURATION = fromHex("BF5709A0073005800365494D");

const eimConfiguration: EimConfiguration = {
	eimId: "eim.example.com",
	signingKeyIds: ["0000000000000002", "0000000000000001"],
	tlsTrustId: "00000000000000AA",
	der: () => CONFIGURATION,
	describe: () => ({ eimId: "eim.example.com" }),
	read: readEimConfiguration,
};

/** The API over an empty store in memory, with one key. */
export async function apiBench(
	given: { limits?: Partial<ApiLimits>; clock?: Clock; checkWakeUp?: (address: WakeUpAddress) => void } = {},
) {
	const store = await openStore({ file: ":memory:" });
	const { logger, entries } = memoryLogger();
	const clock = given.clock ?? systemClock;
	const { secret, key } = makeApiKey(
		{ name: "operator", readOnly: false, at: clock.now() },
		systemRandom.bytes(API_KEY_RANDOM),
	);
	const audit = { at: clock.now(), actor: "eim", action: "apiKey.made", subject: key.id, facts: {} };
	await store.saveFirstApiKey(key, audit);
	const api = await buildApi({
		store,
		clock,
		random: systemRandom,
		log: logger("eim.api"),
		metrics: makeMetrics(() => store.countOpenOperations()),
		health: makeHealth([{ name: "database", check: () => store.ping() }], clock, Seconds(5)),
		eimConfiguration,
		checkWakeUp: given.checkWakeUp ?? (() => undefined),
		version: "1.2.3",
		limits: {
			requestsPerMinute: 10_000,
			streams: 3,
			operationExpiry: Days(7),
			streamHeartbeat: Milliseconds(20),
			...given.limits,
		},
	});
	const call = async (
		method: "GET" | "POST" | "PATCH" | "DELETE",
		url: string,
		body?: unknown,
		headers: object = {},
	) => {
		const response = await api.inject({
			method,
			url,
			headers: { authorization: `Bearer ${secret}`, ...headers },
			...(body === undefined ? {} : { payload: body as object }),
		});
		const isJson = String(response.headers["content-type"]).includes("json");
		return { status: response.statusCode, headers: response.headers, body: isJson ? response.json() : response.body };
	};
	return {
		api,
		store,
		secret,
		entries,
		call,
		close: async () => {
			await api.close();
			await store.close();
		},
	};
}
