import {
	durationOption,
	numberOption,
	type OptionTexts,
	optionText,
	type ServerOptions,
	serverOptions,
} from "../rsp-server/options.ts";
import type { SmdpPolicy } from "./context.ts";

/** `sim-smdp run`, checked. */
export interface RunOptions extends ServerOptions {
	readonly progressUrl?: string;
	readonly progressCa?: string;
	readonly smdsCa?: string;
	readonly policy: SmdpPolicy;
	readonly isEs2plusPublic: boolean;
}

/** @throws RspServerError RSP_SERVER_OPTION */
export function runOptions(options: OptionTexts): RunOptions {
	const text = (name: string) => optionText(options, name);
	const orderLifetime = text("orderLifetime");
	const progressUrl = text("progressUrl");
	const progressCa = text("progressCa");
	const smdsCa = text("smdsCa");
	return {
		...serverOptions(options),
		...(progressUrl === undefined ? {} : { progressUrl }),
		...(progressCa === undefined ? {} : { progressCa }),
		...(smdsCa === undefined ? {} : { smdsCa }),
		policy: {
			confirmationAttempts: numberOption("--confirmation-attempts", text("confirmationAttempts"), 1, 1000),
			downloadAttempts: numberOption("--download-attempts", text("downloadAttempts"), 1, 1_000_000),
			isRebindingAllowed: options.rebinding !== false,
			...(orderLifetime === undefined ? {} : { orderLifetime: durationOption("--order-lifetime", orderLifetime) }),
		},
		isEs2plusPublic: options.publicEs2plus !== false,
	};
}
