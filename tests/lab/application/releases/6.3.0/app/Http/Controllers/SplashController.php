<?php

namespace DreamFactory\Http\Controllers;

use Illuminate\Routing\Controller;

class SplashController extends Controller
{
    public function index()
    {
        return view('index');
    }

    public function setup()
    {
        return response('<!DOCTYPE html><title>Create the first administrator</title>');
    }
}
