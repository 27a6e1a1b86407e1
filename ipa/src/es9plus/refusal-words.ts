import { CancelSessionErrorCode } from "@iot-esim/shared/messages/sgp22/es9plus";
import {
	AuthenticateClientErrorEs9Code,
	GetBoundProfilePackageErrorCode,
	InitiateAuthenticationErrorCode,
} from "@iot-esim/shared/messages/sgp22/es9plus-download";
import { AuthenticateClientErrorEs11Code } from "@iot-esim/shared/messages/sgp22/es11";
import type { Es9PlusRefusal } from "./es9plus-link.ts";

/** Subject and reason codes of SGP.22 §5.2.6 that the functions of §5.6 and §5.8 name. */
const STATUS_WORDS: Readonly<Record<string, string>> = {
	"8.8.1/3.8": "the server does not answer to this address",
	"8.8.3/3.1": "the server does not support this version of the eUICC",
	"8.8.2/3.1": "the server supports none of the eUICC's CI keys",
	"8.8.4/3.7": "the server has no certificate under the eUICC's CI keys",
	"8.1.2/6.1": "the EUM certificate is invalid",
	"8.1.2/6.3": "the EUM certificate has expired",
	"8.1.3/6.1": "the eUICC certificate is invalid",
	"8.1.3/6.3": "the eUICC certificate has expired",
	"8.1/6.1": "the eUICC's signature is invalid",
	"8.2.6/3.8": "there is no order with this matching identifier",
	"8.1.1/3.8": "the order is for another eUICC",
	"8.2/1.2": "the profile is not released yet",
	"8.2.5/4.3": "the profile does not suit this device",
	"8.11.1/3.9": "the server does not know the eUICC's CI key",
	"8.10.1/3.9": "the server does not know this session",
	"8.1/4.8": "the eUICC has too little memory",
	"8.9.5/3.9": "the SM-DS does not know this event",
	"8.2.7/2.2": "a confirmation code is needed: set download.confirmationCode",
	"8.2.7/3.8": "the confirmation code is wrong: correct download.confirmationCode",
	"8.2.7/6.4": "the confirmation code was wrong too often",
	"8.2/3.7": "the profile was bound to this eUICC before and is not bound again",
	"8.8.5/4.10": "the order has expired",
	"8.8.5/6.4": "the order was tried too often",
};

type Numbers = Readonly<Record<string, number>>;
const NUMBERS: Readonly<Record<number, Numbers>> = {
	57: InitiateAuthenticationErrorCode,
	58: GetBoundProfilePackageErrorCode,
	59: AuthenticateClientErrorEs9Code,
	64: AuthenticateClientErrorEs11Code,
	65: CancelSessionErrorCode,
};

/** A refusal in JSON; what the server says itself stands behind the words of the standard. */
export function statusWords(data: Readonly<Record<string, unknown>>): Es9PlusRefusal {
	const { subjectCode, reasonCode, message } = data;
	const code = `${typeof subjectCode === "string" ? subjectCode : "?"}/${typeof reasonCode === "string" ? reasonCode : "?"}`;
	const words = STATUS_WORDS[code] ?? "the server refuses";
	const said = typeof message === "string" && message !== "" ? `: ${message.slice(0, 200)}` : "";
	return { code, reason: `${words}${said}` };
}

/** A refusal in ASN.1: the number with its name in the module; `functionNumber` is the context number of the message. */
export function numberWords(functionNumber: number, value: number): Es9PlusRefusal {
	const name = Object.entries(NUMBERS[functionNumber] ?? {}).find(([, number]) => number === value)?.[0];
	return { code: String(value), reason: name ?? "a code that the standard does not name" };
}
