<?php

namespace DreamFactory\Tests;

abstract class TestCase
{
}
