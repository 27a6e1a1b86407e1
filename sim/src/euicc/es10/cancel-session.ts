import { decode, encode, keep } from "@iot-esim/shared/asn1/schema";
import {
	CancelSessionRequest,
	CancelSessionResponse,
	CancelSessionResponseErrorCode,
	EuiccCancelSessionSigned,
} from "@iot-esim/shared/messages/sgp22/cancel-session";
import { euiccCancelSessionSignatureInput } from "@iot-esim/shared/security/signature-input";
import { equalBytes } from "@iot-esim/shared/util/bytes";
import type { Es10Function } from "../euicc.ts";

/** ES10b.CancelSession (BF41, SGP.22 section 5.7.14): the session is over, and the card signs why. */
export const cancelSession: Es10Function = (request, { session, ecasd }) => {
	const { transactionId, reason } = decode(CancelSessionRequest, request);
	const { server } = session;
	if (server === undefined || !equalBytes(server.transactionId, transactionId)) {
		return encode(CancelSessionResponse, {
			cancelSessionResponseError: CancelSessionResponseErrorCode.invalidTransactionId,
		});
	}
	const signed = keep(EuiccCancelSessionSigned, { transactionId, smdpOid: server.serverOid, reason });
	const tbs = euiccCancelSessionSignatureInput(signed.der);
	session.end();
	return encode(CancelSessionResponse, {
		cancelSessionResponseOk: {
			euiccCancelSessionSigned: signed,
			euiccCancelSessionSignature: ecasd.sign(tbs, server.credential.ciPkId),
		},
	});
};
