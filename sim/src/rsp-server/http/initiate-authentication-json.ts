import { encode } from "@iot-esim/shared/asn1/schema";
import { tlv } from "@iot-esim/shared/asn1/tlv-writer";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { SubjectKeyIdentifier } from "@iot-esim/shared/messages/pkix";
import { EUICCInfo1 } from "@iot-esim/shared/messages/sgp22/euicc-info";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import type { RspServerContext } from "../context.ts";
import type { ServerCredentials } from "../credentials.ts";
import { initiateAuthentication } from "../initiate-authentication.ts";
import { RspRefusal } from "../status-code.ts";
import type { JsonFunction } from "./json-function.ts";

const CHALLENGE_LENGTH = 16;

/** InitiateAuthentication of ES9+ and ES11; clients of an SM-DS name it `smdpAddress` (lpac) or `smdsAddress`. */
export function initiateAuthenticationJson<Offer>(server: RspServerContext<ServerCredentials, Offer>): JsonFunction {
	return (body) => {
		const euiccChallenge = body.octets("euiccChallenge");
		if (euiccChallenge.length !== CHALLENGE_LENGTH) {
			throw new RspRefusal("elementInvalid", `euiccChallenge has ${euiccChallenge.length} octets, not 16`);
		}
		const smdsAddress = server.role === "SM-DS" ? body.optionalText("smdsAddress") : undefined;
		const smdpAddress = smdsAddress ?? body.text("smdpAddress");
		const euiccInfo1 = body.object("euiccInfo1", EUICCInfo1).value;
		const ok = initiateAuthentication(server, { euiccChallenge, smdpAddress, euiccInfo1 });
		return {
			transactionId: TransactionId.fromBytes(ok.transactionId),
			serverSigned1: toBase64(ok.serverSigned1.der),
			serverSignature1: signatureText(ok.serverSignature1),
			euiccCiPKIdToBeUsed: toBase64(encode(SubjectKeyIdentifier, ok.euiccCiPKIdToBeUsed)),
			serverCertificate: toBase64(ok.serverCertificate),
		};
	};
}

/** A signature in JSON: the whole 5F37 in base64. */
export function signatureText(octets: Uint8Array): string {
	return toBase64(tlv(0x5f37, octets));
}
