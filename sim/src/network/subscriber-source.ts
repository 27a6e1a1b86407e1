import { parseProfilePackage } from "@iot-esim/shared/profile/profile-package";
import { type Subscriber, subscriberOf } from "@iot-esim/shared/profile/subscriber";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { NetworkError } from "./errors.ts";

/** Where the HSS learns subscribers and their keys: what the operator ordered, never the card. */
export interface SubscriberSource {
	/** All subscribers known there now. @throws NetworkError NETWORK_HSS_SOURCE */
	list(): Promise<readonly Subscriber[]>;
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
	return { list: async () => subscribers };
}

/**
 * Subscribers of the profiles at an SM-DP+, over its bench face: `GET {base}/bench/v1/profiles` lists them, and
 * `GET {base}/bench/v1/profiles/{iccid}/upp` gives the package. A package is fetched once.
 */
export function smdpSubscribers(base: string, http: HttpClient): SubscriberSource {
	const known = new Map<string, Subscriber>();
	const get = async (path: string) => {
		const url = `${base.replace(/\/$/, "")}${path}`;
		const response = await http.request({ method: "GET", url }).catch((cause) => {
			throw new NetworkError("NETWORK_HSS_SOURCE", `the SM-DP+ cannot be asked: ${cause.message}`, { cause });
		});
		if (response.status === 200) return response.body;
		throw new NetworkError("NETWORK_HSS_SOURCE", `the SM-DP+ answered GET ${url} with status ${response.status}`);
	};
	return {
		list: async () => {
			const subscribers: Subscriber[] = [];
			for (const iccid of iccidsOf(await get("/bench/v1/profiles"))) {
				let subscriber = known.get(iccid);
				if (!subscriber) {
					subscriber = subscriberOfUpp(await get(`/bench/v1/profiles/${iccid}/upp`), `profile ${iccid} of the SM-DP+`);
					known.set(iccid, subscriber);
				}
				subscribers.push(subscriber);
			}
			return subscribers;
		},
	};
}

/** A JSON list of objects with `iccid`, on its own or as member `profiles`. */
function iccidsOf(body: Uint8Array): string[] {
	try {
		const parsed: unknown = JSON.parse(new TextDecoder().decode(body));
		const list = Array.isArray(parsed) ? parsed : (parsed as { profiles?: unknown }).profiles;
		return (list as { iccid: unknown }[]).map(({ iccid }) => {
			if (typeof iccid === "string" && /^\d{18,20}F?$/i.test(iccid)) return iccid;
			throw new Error(`"${iccid}" is not an ICCID`);
		});
	} catch (cause) {
		throw new NetworkError("NETWORK_HSS_SOURCE", "the SM-DP+ gave no list of profiles", { cause });
	}
}
