import { lookup } from "node:dns/promises";
import { toTransportError } from "@iot-esim/shared/transport/errors";
import type { Connect } from "@iot-esim/shared/transport/http/client";
import { connectTcp } from "@iot-esim/shared/transport/tcp";
import type { HostPolicy } from "./es9plus/host-policy.ts";
import type { Es9PlusHttp } from "./es9plus/http.ts";

/** Connects to the very address that was looked at: a second answer of the DNS changes nothing. */
export function guardedConnect(policy: HostPolicy): Connect {
	return async ({ host, port }, signal) => {
		const found = await lookup(host).catch((error: Error) => {
			throw toTransportError(error, `connect to ${host}:${port}`);
		});
		policy.checkResolved(host, found.address);
		return connectTcp({ host: found.address, port }, signal);
	};
}

/** Requests to hosts that the policy allows. */
export function guardedHttp(http: Es9PlusHttp, policy: HostPolicy): Es9PlusHttp {
	return {
		async request(request) {
			policy.checkName(new URL(request.url).hostname.replace(/^\[(.*)\]$/, "$1"));
			return http.request(request);
		},
	};
}
