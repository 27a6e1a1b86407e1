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
import type { RspServerContext } from "./context.ts";
import { chooseCredentials, type ServerCredentials } from "./credentials.ts";
import { RspRefusal } from "./status-code.ts";

const OLDEST_MAJOR_VERSION = 2;

/**
 * InitiateAuthentication of ES9+ and of ES11 (SGP.22 sections 5.6.1 and 5.8.1); an SM-DS is asked for by `smdpAddress` too.
 * @throws RspRefusal 8.8.1/3.8, 8.8.2/3.1, 8.8.3/3.1, 8.8.4/3.7 of an SM-DP+, the same of 8.9 of an SM-DS
 */
export function initiateAuthentication<Offer>(
	server: RspServerContext<ServerCredentials, Offer>,
	request: InitiateAuthenticationRequest,
): InitiateAuthenticationOkEs9 {
	const { euiccChallenge, smdpAddress, euiccInfo1 } = request;
	const isOurs = server.addresses.some((address) => address.toLowerCase() === smdpAddress.toLowerCase());
	if (!isOurs) {
		const status = server.role === "SM-DP+" ? "smdpAddressRefused" : "smdsAddressRefused";
		const reason = `this ${server.role} is ${server.addresses[0]}, not ${smdpAddress}`;
		throw new RspRefusal(status, reason, smdpAddress);
	}
	if ((euiccInfo1.svn[0] ?? 0) < OLDEST_MAJOR_VERSION) {
		const status = server.role === "SM-DP+" ? "versionUnsupported" : "smdsVersionUnsupported";
		throw new RspRefusal(status, `SGP.22 version ${euiccInfo1.svn.join(".")} is not supported`);
	}
	const { server: shown, euicc, euiccCiPKId } = chooseCredentials(server, euiccInfo1);
	const transactionId = server.random.bytes(16);
	const serverChallenge = server.random.bytes(16);
	const serverSigned1 = keep(ServerSigned1, {
		transactionId,
		euiccChallenge,
		serverAddress: smdpAddress,
		serverChallenge,
	});
	const id = TransactionId.fromBytes(transactionId);
	server.sessions.put({
		transactionId: id,
		startedAt: server.clock.now(),
		serverAddress: smdpAddress,
		serverChallenge: toBase64(serverChallenge),
		serverCurve: shown.curve,
		euiccCurve: euicc.curve,
	});
	server.log.info("session started", { transactionId: id, curve: shown.curve });
	return {
		transactionId,
		serverSigned1,
		serverSignature1: signRaw(shown.auth.privateKey, serverSignature1Input(serverSigned1.der)),
		euiccCiPKIdToBeUsed: euiccCiPKId,
		serverCertificate: shown.auth.certificate,
	};
}
