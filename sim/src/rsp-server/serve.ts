import type { Curve } from "@iot-esim/shared/crypto/curve";
import { certificateToPem, privateKeyToPem } from "@iot-esim/shared/pki/pem";
import type { Clock } from "@iot-esim/shared/runtime/clock";
import type { Logger } from "@iot-esim/shared/runtime/logger";
import { createHttpListener, createHttpsListener, type HttpHandler } from "@iot-esim/shared/transport/http/server";
import { printHostPort } from "@iot-esim/shared/transport/tcp";
import type { ServerCredentials } from "./credentials.ts";
import { RspServerError } from "./errors.ts";
import { lockFolder, type ProcessIdentity } from "./store/folder-lock.ts";

export interface ListenOptions {
	readonly stateFolder: string;
	readonly credentials: readonly ServerCredentials[];
	readonly listenAddress: string;
	/** 0 takes a free one. */
	readonly port: number;
	readonly benchPort: number;
	/** Curve of the TLS certificate; that of the first credentials when absent. */
	readonly tlsCurve?: Curve;
	readonly clock: Clock;
	readonly log: Logger;
	readonly self: ProcessIdentity;
	readonly isRunning: (other: ProcessIdentity) => boolean;
}

/** A server with its two faces, not listening yet. */
export interface Faces {
	/** For clients, over TLS. */
	readonly handle: HttpHandler;
	/** For the bench, on the loopback only. */
	readonly handleBench: HttpHandler;
	stop(): void;
}

export interface Listening<F extends Faces> {
	readonly server: F;
	readonly listening: { readonly https: string; readonly bench: string };
	stop(): Promise<void>;
}

/**
 * Takes the state folder, makes the server over it and listens.
 * @throws RspServerError RSP_SERVER_STATE_IN_USE, RSP_SERVER_OPTION; TransportError TRANSPORT_LISTEN_FAILED
 */
export async function serveFaces<F extends Faces>(options: ListenOptions, create: () => F): Promise<Listening<F>> {
	const { credentials, tlsCurve, clock, log } = options;
	const tls = (credentials.find(({ curve }) => curve === tlsCurve) ?? (tlsCurve ? undefined : credentials[0]))?.tls;
	if (tls === undefined) throw new RspServerError("RSP_SERVER_OPTION", `there is no TLS certificate on ${tlsCurve}`);
	const unlock = lockFolder(options.stateFolder, options.self, options.isRunning);
	const server = create();
	const onError = (error: unknown, request: { readonly path: string }) =>
		log.error("request failed", { path: request.path, error });
	const identity = { certificate: certificateToPem(tls.certificate), key: privateKeyToPem(tls.privateKey) };
	const https = createHttpsListener(server.handle, { identity, clock, onError });
	const bench = createHttpListener(server.handleBench, { clock, onError });
	const stop = async () => {
		await Promise.all([https.close(), bench.close()]);
		server.stop();
		unlock();
	};
	try {
		const httpsAddress = await https.listen({ host: options.listenAddress, port: options.port });
		const benchAddress = await bench.listen({ host: "127.0.0.1", port: options.benchPort });
		const listening = {
			https: `https://${printHostPort(httpsAddress)}`,
			bench: `http://${printHostPort(benchAddress)}`,
		};
		return { server, listening, stop };
	} catch (error) {
		await stop();
		throw error;
	}
}
