import { decode, encode } from "@iot-esim/shared/asn1/schema";
import {
	IpaeActivationRequest,
	IpaeActivationResponse,
	IpaeActivationResultCode,
} from "@iot-esim/shared/messages/sgp32/euicc-info";
import type { Es10Function } from "../euicc.ts";

/** ES10b.IpaeActivation (BF42): switches the IPA inside the card on, or off when the option is not set; durable. */
export const activateIpae: Es10Function = (request, { card, settings }) => {
	if (card.supportsIpae !== true) {
		return encode(IpaeActivationResponse, { ipaeActivationResult: IpaeActivationResultCode.notSupported });
	}
	const { ipaeOption } = decode(IpaeActivationRequest, request);
	if (ipaeOption.startsWith("1")) settings.set("ipaeActive", true);
	else settings.clear("ipaeActive");
	return encode(IpaeActivationResponse, { ipaeActivationResult: IpaeActivationResultCode.ok });
};
