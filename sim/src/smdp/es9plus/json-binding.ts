/** ES9+ in JSON (SGP.22 section 6.5.2): TLV members are whole data objects in base64, signatures with their 5F37. */

import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { CancelSessionResponse } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { PendingNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import { initiateAuthenticationJson, signatureText } from "../../rsp-server/http/initiate-authentication-json.ts";
import type { JsonFunction } from "../../rsp-server/http/json-function.ts";
import type { SmdpContext } from "../context.ts";
import { authenticateClient } from "./authenticate-client.ts";
import { cancelSession } from "./cancel-session.ts";
import { getBoundProfilePackage } from "./get-bound-profile-package.ts";
import { handleNotification } from "./handle-notification.ts";

/** The functions of ES9+ by the last part of their path. */
export function es9plusJson(smdp: SmdpContext): Readonly<Record<string, JsonFunction>> {
	return {
		initiateAuthentication: initiateAuthenticationJson(smdp),
		authenticateClient: (body) => {
			const ok = authenticateClient(smdp, {
				transactionId: body.transactionId(),
				authenticateServerResponse: body.object("authenticateServerResponse", AuthenticateServerResponse),
			});
			return {
				transactionId: TransactionId.fromBytes(ok.transactionId),
				profileMetadata: toBase64(ok.profileMetaData.der),
				smdpSigned2: toBase64(ok.smdpSigned2.der),
				smdpSignature2: signatureText(ok.smdpSignature2),
				smdpCertificate: toBase64(ok.smdpCertificate),
			};
		},
		getBoundProfilePackage: (body) => {
			const ok = getBoundProfilePackage(smdp, {
				transactionId: body.transactionId(),
				prepareDownloadResponse: body.object("prepareDownloadResponse", PrepareDownloadResponse),
			});
			return {
				transactionId: TransactionId.fromBytes(ok.transactionId),
				boundProfilePackage: toBase64(ok.boundProfilePackage.der),
			};
		},
		cancelSession: (body) => {
			cancelSession(smdp, {
				transactionId: body.transactionId(),
				cancelSessionResponse: body.object("cancelSessionResponse", CancelSessionResponse),
			});
			return {};
		},
		handleNotification: (body) => {
			handleNotification(smdp, body.object("pendingNotification", PendingNotification));
			return undefined;
		},
	};
}
