import { Asn1Error, decode, encode } from "@iot-esim/shared/asn1/schema";
import { readTlv } from "@iot-esim/shared/asn1/tlv-reader";
import {
	RemoteProfileProvisioningRequest,
	RemoteProfileProvisioningResponse,
} from "@iot-esim/shared/messages/sgp22/es9plus";
import { InitiateAuthenticationErrorCode } from "@iot-esim/shared/messages/sgp22/es9plus-download";
import type { RspServerContext } from "./context.ts";
import type { ServerCredentials } from "./credentials.ts";
import { initiateAuthentication } from "./initiate-authentication.ts";
import { RspRefusal, type StatusCodeName } from "./status-code.ts";

const UNDEFINED_ERROR = 127;
const TAG_WRAPPER = 0xa2;

/** Error codes of one function in ASN.1; a refusal that is not named is the undefined error. */
export type Asn1ErrorTable = Partial<Readonly<Record<StatusCodeName, number>>>;

/** A function of ES9+ or ES11 in the ASN.1 binding. */
export interface Asn1Function {
	/** Tag of the request inside of the wrapper A2. */
	readonly tag: number;
	/** Runs a request that is this function's; undefined is an answer without body. */
	readonly run: (
		request: RemoteProfileProvisioningRequest,
	) => { readonly response: RemoteProfileProvisioningResponse | undefined } | undefined;
	readonly errors: Asn1ErrorTable;
	/** Absent where the function has no answer. */
	readonly refused?: (code: number) => RemoteProfileProvisioningResponse;
}

/**
 * Answers a RemoteProfileProvisioningRequest (SGP.22 section 6.6); undefined is an answer without body.
 * @throws RspRefusal formatInvalid when not even a function that is served here can be told
 */
export function answerAsn1(
	functions: readonly Asn1Function[],
	body: Uint8Array,
	onRefusal: (refusal: RspRefusal) => void,
): Uint8Array | undefined {
	try {
		const request = decode(RemoteProfileProvisioningRequest, body);
		const response = firstAnswer(functions, request, onRefusal);
		return response && encode(RemoteProfileProvisioningResponse, response);
	} catch (error) {
		if (!(error instanceof Asn1Error)) throw error;
		const refusal = new RspRefusal("formatInvalid", error.message);
		onRefusal(refusal);
		const refused = functions.find(({ tag }) => tag === tagOf(body))?.refused;
		if (refused === undefined) throw refusal;
		return encode(RemoteProfileProvisioningResponse, refused(UNDEFINED_ERROR));
	}
}

function firstAnswer(
	functions: readonly Asn1Function[],
	request: RemoteProfileProvisioningRequest,
	onRefusal: (refusal: RspRefusal) => void,
): RemoteProfileProvisioningResponse | undefined {
	for (const { run, errors, refused } of functions) {
		try {
			const answer = run(request);
			if (answer !== undefined) return answer.response;
		} catch (error) {
			if (!(error instanceof RspRefusal) || refused === undefined) throw error;
			onRefusal(error);
			return refused(errors[error.status] ?? UNDEFINED_ERROR);
		}
	}
	throw new RspRefusal("formatInvalid", `${Object.keys(request).join()} is no function of this server`);
}

/** Tag of the request that cannot be read as a whole; undefined outside of the wrapper. */
function tagOf(body: Uint8Array): number | undefined {
	try {
		const wrapper = readTlv(body, 0);
		return wrapper.tag === TAG_WRAPPER ? readTlv(body, wrapper.valueStart, wrapper.end).tag : undefined;
	} catch (error) {
		if (error instanceof Asn1Error) return undefined;
		throw error;
	}
}

/** InitiateAuthentication of ES9+ and ES11. */
export function initiateAuthenticationAsn1<Offer>(server: RspServerContext<ServerCredentials, Offer>): Asn1Function {
	return {
		tag: 0xbf39,
		run: (request) =>
			"initiateAuthenticationRequest" in request
				? {
						response: {
							initiateAuthenticationResponse: {
								initiateAuthenticationOk: initiateAuthentication(server, request.initiateAuthenticationRequest),
							},
						},
					}
				: undefined,
		errors: {
			smdpAddressRefused: InitiateAuthenticationErrorCode.invalidDpAddress,
			versionUnsupported: InitiateAuthenticationErrorCode.euiccVersionNotSupportedByDp,
			noCommonPublicKey: InitiateAuthenticationErrorCode.ciPKNotSupported,
			certificateUnavailable: InitiateAuthenticationErrorCode.ciPKNotSupported,
			smdsAddressRefused: InitiateAuthenticationErrorCode.invalidDpAddress,
			smdsVersionUnsupported: InitiateAuthenticationErrorCode.euiccVersionNotSupportedByDp,
			smdsNoCommonPublicKey: InitiateAuthenticationErrorCode.ciPKNotSupported,
			smdsCertificateUnavailable: InitiateAuthenticationErrorCode.ciPKNotSupported,
		},
		refused: (code) => ({ initiateAuthenticationResponse: { initiateAuthenticationError: code } }),
	};
}
