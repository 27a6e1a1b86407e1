import { keep } from "@iot-esim/shared/asn1/schema";
import { signRaw } from "@iot-esim/shared/crypto/ecdsa";
import { TransactionId } from "@iot-esim/shared/ids/transaction-id";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import type {
	InitiateAuthenticationOkEs9,
	InitiateAuthenticationRequest,
} from "@iot-esim/shared/messages/sgp22/es9plus-download";
import { serverSignature1Input } from "@iot-esim/shared/security/signature-input";
import { toBase64 } from "@iot-esim/shared/util/bytes";
import type { SmdpContext } from "../context.ts";
import { chooseCredentials } from "../credentials.ts";
import { RspRefusal } from "../status-code.ts";

const OLDEST_MAJOR_VERSION = 2;

/**
 * ES9+.InitiateAuthentication (SGP.22 section 5.6.1).
 * @throws RspRefusal 8.8.1/3.8, 8.8.2/3.1, 8.8.3/3.1, 8.8.4/3.7
 */
export function initiateAuthentication(
	smdp: SmdpContext,
	request: InitiateAuthenticationRequest,
): InitiateAuthenticationOkEs9 {
	const { euiccChallenge, smdpAddress, euiccInfo1 } = request;
	const isOurs = smdp.addresses.some((address) => address.toLowerCase() === smdpAddress.toLowerCase());
	if (!isOurs) {
		throw new RspRefusal("smdpAddressRefused", `this SM-DP+ is ${smdp.addresses[0]}, not ${smdpAddress}`, smdpAddress);
	}
	if ((euiccInfo1.svn[0] ?? 0) < OLDEST_MAJOR_VERSION) {
		throw new RspRefusal("versionUnsupported", `SGP.22 version ${euiccInfo1.svn.join(".")} is not supported`);
	}
	const { server, euicc, euiccCiPKId } = chooseCredentials(smdp.credentials, euiccInfo1);
	const transactionId = smdp.random.bytes(16);
	const serverChallenge = smdp.random.bytes(16);
	const serverSigned1 = keep(ServerSigned1, {
		transactionId,
		euiccChallenge,
		serverAddress: smdpAddress,
		serverChallenge,
	});
	const id = TransactionId.fromBytes(transactionId);
	smdp.sessions.put({
		transactionId: id,
		startedAt: smdp.clock.now(),
		serverAddress: smdpAddress,
		serverChallenge: toBase64(serverChallenge),
		serverCurve: server.curve,
		euiccCurve: euicc.curve,
	});
	smdp.log.info("session started", { transactionId: id, curve: server.curve });
	return {
		transactionId,
		serverSigned1,
		serverSignature1: signRaw(server.auth.privateKey, serverSignature1Input(serverSigned1.der)),
		euiccCiPKIdToBeUsed: euiccCiPKId,
		serverCertificate: server.auth.certificate,
	};
}
