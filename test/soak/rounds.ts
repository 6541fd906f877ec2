/** How often a story on a real server is repeated: 20 times in full, 3 at least. */
export const rounds = Number(process.env.ZOMBIED_TEST_SOAK_ROUNDS ?? 20);
