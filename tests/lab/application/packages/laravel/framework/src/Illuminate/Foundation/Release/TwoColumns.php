<?php

namespace Illuminate\Foundation\Release;

/** Lines of eighty columns: a name, dots, a result. */
class TwoColumns
{
    public static function line(string $left, string $right, string $style = 'info'): string
    {
        $dots = max(0, 76 - mb_strlen($left) - mb_strlen($right) - 2);

        return "  {$left} ".str_repeat('.', $dots)." <{$style}>{$right}</{$style}>";
    }

    public static function heading(string $text): string
    {
        return "\n  <bg=blue;fg=white> INFO </> {$text}\n";
    }
}
