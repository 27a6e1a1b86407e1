import { declaredErrors, EsimError } from "../util/errors.ts";
import { exitCode } from "./lifecycle.ts";

/** The part of a commander program that says how it treats wrong usage. */
export interface UsageCommand {
	readonly commands: readonly UsageCommand[];
	name(): string;
	exitOverride(): unknown;
	showHelpAfterError(text: string): unknown;
}

const WRONG_USAGE = 2;

/** Wrong usage of a program or any of its commands ends with one line on where the help is, and throws instead of exiting. */
export function withUsageHints<C extends UsageCommand>(program: C): C {
	hint(program, program.name());
	return program;
}

function hint(command: UsageCommand, words: string): void {
	command.exitOverride();
	command.showHelpAfterError(`See \`${words} --help\`.`);
	for (const child of command.commands) hint(child, `${words} ${child.name()}`);
}

/**
 * The exit code of a program that ends with `error`, after telling a person why, and what to do about it: 0 when only help was asked for, 2 for
 * wrong usage or configuration, 1 for anything else.
 * @throws the error itself when it is none that people can meet
 */
export function endOfProgram(name: string, error: unknown, complain: (text: string) => void): number {
	if (isCommanderError(error)) return error.exitCode === 0 ? 0 : WRONG_USAGE;
	if (!(error instanceof EsimError)) throw error;
	const action = declaredErrors().get(error.code)?.action;
	complain(`${name}: ${error.message} (${error.code})${action === undefined ? "" : `\n  ${action}`}`);
	return error.httpStatus === 400 ? WRONG_USAGE : exitCode(error);
}

/** Commander has said what is wrong by itself. */
function isCommanderError(error: unknown): error is { readonly exitCode: number } {
	const { code } = (error ?? {}) as { readonly code?: unknown };
	return typeof code === "string" && code.startsWith("commander.");
}
