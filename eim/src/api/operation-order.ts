import type { OperationOrder } from "../domain/operation.ts";
import type { EimConfiguration } from "./api-deps.ts";
import { commandOf } from "./command-order.ts";
import { downloadOf, euiccDataOf } from "./download-order.ts";
import type { OperationRequest } from "./schemas.ts";

/**
 * The order that a request stands for.
 * @throws ApiError API_REQUEST_INVALID, DomainError ACTIVATION_CODE_INVALID, EsimError ESIPA_CONFIGURATION_INVALID
 */
export function orderOf(request: OperationRequest, own: EimConfiguration): OperationOrder {
	switch (request.type) {
		case "download":
			return { type: "download", parameters: downloadOf(request) };
		case "readEuiccData":
			return { type: "readEuiccData", parameters: euiccDataOf(request) };
		case "euiccPackage": {
			const commands = request.commands.map((command, index) => commandOf(command, `body.commands.${index}`, own));
			return { type: "euiccPackage", parameters: { commands } };
		}
		default:
			return commandOf(request, "body", own);
	}
}
