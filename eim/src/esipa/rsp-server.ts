import { Asn1Error, decode } from "@iot-esim/shared/asn1/schema";
import { ServerSigned1 } from "@iot-esim/shared/messages/sgp22/authenticate-server";
import { InitiateAuthenticationErrorEsipaCode as ErrorCode } from "@iot-esim/shared/messages/sgp32/esipa-download";
import { parseCertificate } from "@iot-esim/shared/pki/certificate";
import { PkiError } from "@iot-esim/shared/pki/errors";
import { rspRoleOid } from "@iot-esim/shared/pki/oids";
import type { InitiateAuthenticationOk } from "../es9plus/es9plus-client.ts";
import { type DownloadTarget, isSameAddress } from "./download-target.ts";

/** What a server's certificate says of it. */
export interface Server {
	readonly isSmds: boolean;
	/** Its OID, dotted. */
	readonly oid: string | undefined;
}

/**
 * The checks of SGP.32 section 3.2.3.2: the server signs its address, and its certificate holds its OID.
 * @returns the server, or the ESipa error for one that is another than ordered
 */
export function readServer(answer: InitiateAuthenticationOk, target: DownloadTarget): Server | number {
	try {
		const { serverAddress } = decode(ServerSigned1, answer.serverSigned1);
		if (!isSameAddress(serverAddress, target.address)) return ErrorCode.smdpAddressMismatch;
		const { registeredIds, policies } = parseCertificate(answer.serverCertificate);
		if (target.smdpOid !== undefined && !registeredIds.includes(target.smdpOid)) return ErrorCode.smdpOidMismatch;
		return { isSmds: target.isSmds || policies.includes(rspRoleOid["ds-auth"]), oid: registeredIds[0] };
	} catch (error) {
		if (error instanceof Asn1Error || error instanceof PkiError) return ErrorCode.undefinedError;
		throw error;
	}
}
