/** ES9+ in JSON (SGP.22 section 6.5.2): TLV members are whole data objects in base64, signatures with their 5F37. */

import { encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { SubjectKeyIdentifier } from "@iot-esim/shared/messages/pkix";
import { AuthenticateServerResponse } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { CancelSessionResponse } from "@iot-esim/shared/messages/sgp22/cancel-session";
import { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { PendingNotification } from "@iot-esim/shared/messages/sgp22/notifications";
import { PrepareDownloadResponse } from "@iot-esim/shared/messages/sgp22/prepare-download";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import type { JsonFunction } from "../../rsp-server/http/json-function.ts";
import { initiateAuthentication } from "../../rsp-server/initiate-authentication.ts";
import { RspRefusal } from "../../rsp-server/status-code.ts";
import type { SmdpContext } from "../context.ts";
import { authenticateClient } from "./authenticate-client.ts";
import { cancelSession } from "./cancel-session.ts";
import { getBoundProfilePackage } from "./get-bound-profile-package.ts";
import { handleNotification } from "./handle-notification.ts";

const CHALLENGE_LENGTH = 16;

/** The functions of ES9+ by the last part of their path. */
export function es9plusJson(smdp: SmdpContext): Readonly<Record<string, JsonFunction>> {
	return {
		initiateAuthentication: (body) => {
			const euiccChallenge = body.octets("euiccChallenge");
			if (euiccChallenge.length !== CHALLENGE_LENGTH) {
				throw new RspRefusal("elementInvalid", `euiccChallenge has ${euiccChallenge.length} octets, not 16`);
			}
			const smdpAddress = body.text("smdpAddress");
			const euiccInfo1 = body.object("euiccInfo1", EUICCInfo1).value;
			const ok = initiateAuthentication(smdp, { euiccChallenge, smdpAddress, euiccInfo1 });
			return {
				transactionId: TransactionId.fromBytes(ok.transactionId),
				serverSigned1: toBase64(ok.serverSigned1.der),
				serverSignature1: signature(ok.serverSignature1),
				euiccCiPKIdToBeUsed: toBase64(encode(SubjectKeyIdentifier, ok.euiccCiPKIdToBeUsed)),
				serverCertificate: toBase64(ok.serverCertificate),
			};
		},
		authenticateClient: (body) => {
			const ok = authenticateClient(smdp, {
				transactionId: body.transactionId(),
				authenticateServerResponse: body.object("authenticateServerResponse", AuthenticateServerResponse),
			});
			return {
				transactionId: TransactionId.fromBytes(ok.transactionId),
				profileMetadata: toBase64(ok.profileMetaData.der),
				smdpSigned2: toBase64(ok.smdpSigned2.der),
				smdpSignature2: signature(ok.smdpSignature2),
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

function signature(octets: Uint8Array): string {
	return toBase64(tlv(0x5f37, octets));
}
