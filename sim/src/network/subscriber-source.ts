import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { type Subscriber, subscriberOf } from "@iot-esim/shared/profile/subscriber";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { NetworkError } from "./errors.ts";

/** Where the HSS learns subscribers and their keys: what the operator ordered, never the card. */
export interface SubscriberSource {
	/** The subscriber with this IMSI as it is known there now. @throws NetworkError NETWORK_HSS_SOURCE */
	find(imsi: string): Promise<Subscriber | undefined>;
}

/** The subscriber of a profile package. @throws NetworkError NETWORK_HSS_SOURCE */
export function subscriberOfUpp(upp: Uint8Array, origin: string): Subscriber {
	try {
		return subscriberOf(parseProfilePackage(upp));
	} catch (cause) {
		const why = cause instanceof Error ? cause.message : String(cause);
		throw new NetworkError("NETWORK_HSS_SOURCE", `${origin} gives no subscriber: ${why}`, { cause });
	}
}

/** Subscribers that never change, as those of profile files read at start. */
export function fixedSubscribers(subscribers: readonly Subscriber[]): SubscriberSource {
	return { find: async (imsi) => subscribers.find((subscriber) => subscriber.imsi === imsi) };
}

/**
 * Subscribers of the profiles at an SM-DP+, over its bench face: `GET {base}/bench/v1/profiles` lists them with ICCID
 * and, where it knows it, IMSI; `GET {base}/bench/v1/profiles/{iccid}/upp` gives the package, which is fetched once. Of
 * several profiles with the same IMSI the last one listed counts.
 */
export function smdpSubscribers(base: string, http: HttpClient, log: Logger): SubscriberSource {
	const known = new Map<string, Subscriber | undefined>();
	const get = async (path: string) => {
		const url = `${base.replace(/\/$/, "")}${path}`;
		const response = await http.request({ method: "GET", url }).catch((cause) => {
			throw new NetworkError("NETWORK_HSS_SOURCE", `the SM-DP+ cannot be asked: ${cause.message}`, { cause });
		});
		if (response.status === 200) return response.body;
		throw new NetworkError("NETWORK_HSS_SOURCE", `the SM-DP+ answered GET ${url} with status ${response.status}`);
	};
	const subscriberWith = async (iccid: string) => {
		if (known.has(iccid)) return known.get(iccid);
		const upp = await get(`/bench/v1/profiles/${iccid}/upp`);
		let subscriber: Subscriber | undefined;
		try {
			subscriber = subscriberOfUpp(upp, `profile ${iccid} of the SM-DP+`);
		} catch (error) {
			// A profile without USIM (a pure ISIM, say) must not keep the others from their subscribers.
			log.warn("profile without subscriber", { iccid, error });
		}
		known.set(iccid, subscriber);
		return subscriber;
	};
	return {
		find: async (imsi) => {
			let found: Subscriber | undefined;
			for (const profile of profilesOf(await get("/bench/v1/profiles"))) {
				if (profile.imsi !== undefined && profile.imsi !== imsi) continue;
				const subscriber = await subscriberWith(profile.iccid);
				if (subscriber?.imsi === imsi) found = subscriber;
			}
			return found;
		},
	};
}

/** A JSON list of objects with `iccid` and perhaps `imsi`. */
function profilesOf(body: Uint8Array): { iccid: string; imsi?: string }[] {
	try {
		const list = JSON.parse(new TextDecoder().decode(body)) as { iccid: unknown; imsi?: unknown }[];
		return list.map(({ iccid, imsi }) => {
			if (typeof iccid !== "string" || !/^\d{18,20}$/.test(iccid)) throw new Error(`"${iccid}" is not an ICCID`);
			return { iccid, ...(typeof imsi === "string" ? { imsi } : {}) };
		});
	} catch (cause) {
		throw new NetworkError("NETWORK_HSS_SOURCE", "the SM-DP+ gave no list of profiles", { cause });
	}
}
