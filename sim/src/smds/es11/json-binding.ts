import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { initiateAuthenticationJson } from "../../rsp-server/http/initiate-authentication-json.ts";
import type { JsonFunction } from "../../rsp-server/http/json-function.ts";
import type { SmdsContext } from "../context.ts";
import { authenticateClient } from "./authenticate-client.ts";

/** ES11 in JSON; its paths are those of ES9+ (SGP.22 section 6.5.2). */
export function es11Json(smds: SmdsContext): Readonly<Record<string, JsonFunction>> {
	return {
		initiateAuthentication: initiateAuthenticationJson(smds),
		authenticateClient: (body) => {
			const { transactionId, eventEntries } = authenticateClient(smds, {
				transactionId: body.transactionId(),
				authenticateServerResponse: body.object("authenticateServerResponse", AuthenticateServerResponse),
			});
			return { transactionId: TransactionId.fromBytes(transactionId), eventEntries };
		},
	};
}
