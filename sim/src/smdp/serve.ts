import type { HttpClient } from "@iot-esim/shared/transport/http/client";
import { postJsonOver } from "../rsp-server/post-json.ts";
import { type Listening, type ListenOptions, serveFaces } from "../rsp-server/serve.ts";
import { createSmdp, type Smdp, type SmdpDependencies } from "./smdp.ts";

export interface ServeOptions
	extends Omit<SmdpDependencies, "progress" | "postToSmds">,
		Omit<ListenOptions, "log" | "credentials"> {
	readonly progressUrl?: string;
	/** Carries the operator's callback; needed when there is a `progressUrl`. */
	readonly client?: HttpClient;
	/** Carries ES12. */
	readonly smdsClient?: HttpClient;
}

export type RunningSmdp = Listening<Smdp>;

/**
 * Opens the state folder and listens.
 * @throws RspServerError RSP_SERVER_STATE_IN_USE, RSP_SERVER_OPTION, RSP_SERVER_STATE_DAMAGED; TransportError
 * TRANSPORT_LISTEN_FAILED
 */
export async function serveSmdp(options: ServeOptions): Promise<RunningSmdp> {
	const { progressUrl, client, smdsClient } = options;
	return serveFaces({ ...options, log: options.logger("sim.smdp.http") }, () =>
		createSmdp({
			...options,
			...(progressUrl && client ? { progress: { url: progressUrl, post: postJsonOver(client) } } : {}),
			...(smdsClient ? { postToSmds: postJsonOver(smdsClient) } : {}),
		}),
	);
}
