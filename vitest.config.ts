import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL(".", import.meta.url));

/** Tests run the TypeScript sources; only programs started as processes come from `dist` (built by `npm test` first). */
export default defineConfig({
	resolve: {
		alias: [{ find: /^@iot-esim\/(shared|eim|ipa|sim)\/(.*)$/, replacement: `${root}$1/src/$2.ts` }],
	},
	test: {
		include: ["{shared,eim,ipa,sim}/src/**/*.test.ts", "test/**/*.test.ts"],
		exclude: ["**/node_modules/**", "**/dist/**", "**/*.long.test.ts"],
		// Left to itself vitest keeps one processor free, and on two that doubles the time.
		maxWorkers: availableParallelism(),
		testTimeout: 60_000,
		hookTimeout: 60_000,
		// What is polled comes from sockets and processes, and one second is nothing on a busy machine.
		expect: { poll: { timeout: 15_000 } },
		passWithNoTests: false,
		reporters: ["default", `${root}test/conformance/reporter.ts`],
	},
});
