/* SPDX-License-Identifier: MIT */
/* What starting a program costs that does nothing. */
int main(void)
{
	return 0;
}
