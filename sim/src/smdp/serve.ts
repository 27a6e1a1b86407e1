import type { Curve } from "@iot-esim/shared/crypto/curve";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { createHttpListener, createHttpsListener } from "@iot-esim/shared/transport/http/server";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import { utf8 } from "@iot-esim/shared/util/bytes";
import { SmdpError } from "./errors.ts";
import { createSmdp, type Smdp, type SmdpDependencies } from "./smdp.ts";
import { lockFolder, type ProcessIdentity } from "./store/folder-lock.ts";

export interface ServeOptions extends Omit<SmdpDependencies, "progress"> {
	readonly listenAddress: string;
	/** 0 takes a free one. */
	readonly port: number;
	readonly benchPort: number;
	/** Curve of the TLS certificate; that of the first credentials when absent. */
	readonly tlsCurve?: Curve;
	readonly progressUrl?: string;
	/** Carries the operator's callback; needed when there is a `progressUrl`. */
	readonly client?: HttpClient;
	readonly self: ProcessIdentity;
	readonly isRunning: (other: ProcessIdentity) => boolean;
}

export interface RunningSmdp {
	readonly smdp: Smdp;
	/** Addresses where it listens: `https` for ES9+ and ES2+, `bench` for the bench face. */
	readonly listening: { readonly https: string; readonly bench: string };
	stop(): Promise<void>;
}

/**
 * Opens the state folder and listens.
 * @throws SmdpError SMDP_STATE_IN_USE, SMDP_OPTION, SMDP_STATE_DAMAGED; TransportError TRANSPORT_LISTEN_FAILED
 */
export async function serveSmdp(options: ServeOptions): Promise<RunningSmdp> {
	const { credentials, tlsCurve, progressUrl, client, clock } = options;
	const tls = (credentials.find(({ curve }) => curve === tlsCurve) ?? (tlsCurve ? undefined : credentials[0]))?.tls;
	if (tls === undefined) throw new SmdpError("SMDP_OPTION", `there is no TLS certificate on ${tlsCurve}`);
	const unlock = lockFolder(options.stateFolder, options.self, options.isRunning);
	const smdp = createSmdp({
		...options,
		...(progressUrl && client ? { progress: { url: progressUrl, post: poster(client) } } : {}),
	});
	const log = options.logger("sim.smdp.http");
	const onError = (error: unknown, request: { readonly path: string }) =>
		log.error("request failed", { path: request.path, error });
	const identity = { certificate: certificateToPem(tls.certificate), key: privateKeyToPem(tls.privateKey) };
	const https = createHttpsListener(smdp.handle, { identity, clock, onError });
	const bench = createHttpListener(smdp.handleBench, { clock, onError });
	const stop = async () => {
		await Promise.all([https.close(), bench.close()]);
		smdp.stop();
		unlock();
	};
	try {
		const httpsAddress = await https.listen({ host: options.listenAddress, port: options.port });
		const benchAddress = await bench.listen({ host: "127.0.0.1", port: options.benchPort });
		const listening = {
			https: `https://${printHostPort(httpsAddress)}`,
			bench: `http://${printHostPort(benchAddress)}`,
		};
		return { smdp, listening, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

function poster(client: HttpClient) {
	return async (url: string, body: string) => {
		const headers = { "Content-Type": "application/json", "X-Admin-Protocol": "gsma/rsp/v2.5.0" };
		return (await client.request({ method: "POST", url, headers, body: utf8(body) })).status;
	};
}
